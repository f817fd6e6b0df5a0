/** The signalling of one attendee, from JOIN to the end of their WebSocket. */

import type { WebSocket } from 'ws';
import type { Place } from './emulator.ts';
import { CAPTION_TOPIC, type Attendee, type Meeting } from './meeting.ts';
import { Peer } from './peer.ts';
import type { Plane } from './plane.ts';
import {
  AudioStatus,
  decode,
  encode,
  Media,
  Notification,
  PingPong,
  Type,
  VIEW_ONLY,
  type Answer,
  type Frame,
} from './protocol.ts';

const NO_VIDEO = 'The local media plane carries voices: no video, no screen share.';

/** Serves whoever has joined with a token, until either side closes. */
export function serve(socket: WebSocket, place: Place, joinToken: string, plane: Plane): void {
  const meeting = plane.meeting(place.MeetingId);
  const send = (answer: Answer): void => {
    if (socket.readyState === socket.OPEN) socket.send(encode(answer));
  };
  const attendee = meeting.add(place, send, () =>
    plane.isCut(place.AttendeeId) ? socket.terminate() : socket.close(),
  );
  const connection = new Connection(attendee, meeting, plane, joinToken);
  // One after the other: a frame may take a moment, and the next one may build on it.
  let handled = Promise.resolve();
  socket.on('message', (data) => {
    const frame = read(data as Buffer);
    if (frame) handled = handled.then(() => connection.handle(frame)).catch(() => warn('answered', attendee));
  });
  socket.on('error', () => socket.terminate());
  socket.on('close', () => connection.close());
}

function read(data: Buffer): Frame | undefined {
  try {
    return decode(data);
  } catch {
    return undefined; // not a frame: nothing to answer
  }
}

function warn(what: string, attendee: Attendee): void {
  console.error(`a frame of ${attendee.id} could not be ${what}`);
}

class Connection {
  readonly #attendee: Attendee;
  readonly #meeting: Meeting;
  readonly #plane: Plane;
  readonly #joinToken: string;

  constructor(attendee: Attendee, meeting: Meeting, plane: Plane, joinToken: string) {
    this.#attendee = attendee;
    this.#meeting = meeting;
    this.#plane = plane;
    this.#joinToken = joinToken;
  }

  async handle(frame: Frame): Promise<void> {
    const me = this.#attendee;
    if (!this.#meeting.has(me)) return;
    switch (frame.type) {
      case Type.JOIN:
        me.send({ type: Type.JOIN_ACK, joinack: { wantsCompressedSdp: false } });
        me.send({
          type: Type.INDEX,
          index: { atCapacity: false, sources: [], numParticipants: this.#meeting.attendees.length },
        });
        break;
      case Type.SUBSCRIBE:
        await this.#subscribe(frame);
        break;
      case Type.PING_PONG:
        if (frame.pingPong?.type === PingPong.PING) {
          me.send({ type: Type.PING_PONG, pingPong: { type: PingPong.PONG, pingId: frame.pingPong.pingId } });
        }
        break;
      case Type.AUDIO_CONTROL:
        me.muted = frame.audioControl?.muted ?? me.muted;
        if (me.present) this.#meeting.show(me);
        break;
      case Type.DATA_MESSAGE:
        this.#relay(frame);
        break;
      case Type.LEAVE:
        me.left = true;
        me.send({ type: Type.LEAVE_ACK, leaveAck: {} });
        me.close();
        break;
      default: // metrics and timings, which nobody reads here
    }
  }

  close(): void {
    if (!this.#meeting.has(this.#attendee)) return; // the call has ended, or they came back
    const wasPresent = this.#attendee.present;
    this.#meeting.remove(this.#attendee);
    if (wasPresent) void this.#plane.report(this.#joinToken, this.#attendee.left ? 'Left' : 'Gone');
  }

  async #subscribe({ sub }: Frame): Promise<void> {
    const me = this.#attendee;
    const offer = sub?.sdpOffer ?? '';
    if (me.peer && !me.peer.isFor(offer)) {
      void me.peer.close();
      me.peer = undefined;
    }
    me.peer ??= new Peer((said) => this.#meeting.said(me, said));
    me.muted = sub?.audioMuted ?? false;
    const sdpAnswer = await me.peer.answer(offer);
    if (!this.#meeting.has(me)) {
      void me.peer.close();
      return;
    }
    me.send({
      type: Type.SUBSCRIBE_ACK,
      suback: { duplex: sub?.duplex ?? null, sdpAnswer, allocations: [], tracks: [] },
    });
    me.send({ type: Type.AUDIO_STATUS, audioStatus: { audioStatus: AudioStatus.OK } });
    if (sub?.sendStreams?.some((stream) => stream.mediaType === Media.VIDEO)) this.#refuseVideo();
    if (!me.present) {
      this.#meeting.enter(me);
      void this.#plane.report(this.#joinToken, 'Joined');
    }
  }

  /** In the SDK's own terms: it stops the camera, and tells its observers that video cannot be sent. */
  #refuseVideo(): void {
    const level = Notification.NotificationLevel.WARNING;
    this.#attendee.send({ type: Type.NOTIFICATION, notification: { level, message: NO_VIDEO } });
    this.#attendee.send({
      type: Type.INDEX,
      index: { atCapacity: true, sources: [] },
      error: { status: VIEW_ONLY, description: NO_VIDEO },
    });
  }

  #relay({ dataMessage }: Frame): void {
    const { AttendeeId, ExternalUserId } = this.#attendee.place;
    const sender = {
      senderAttendeeId: AttendeeId,
      senderExternalUserId: ExternalUserId,
      ingestTimeNs: Date.now() * 1e6,
    };
    const messages = (dataMessage?.messages ?? [])
      .filter((message) => message.topic !== CAPTION_TOPIC) // those are the plane's alone
      .map((message) => ({ ...message, ...sender }));
    if (messages.length) this.#meeting.relay(this.#attendee, { type: Type.DATA_MESSAGE, dataMessage: { messages } });
  }
}
