/**
 * Callers and agents without a browser: the real, unmodified Amazon Chime SDK in Node. Each says one tone.
 *
 * A line of standard input is a JSON object with `do` and `as` (whose name it is); a line of standard output is
 * the answer. `tests/e2e/media/participants.py` is the other end.
 */

import { serve, sleep } from '../../../operations/media/requests.ts';
import { listen, protocol, sdk, sessionOf, ToneController } from '../../../operations/media/sdk.ts';
import { analyse, WINDOW, type Heard } from './spectrum.ts';
import type { ConnectionData, Sdk } from '../../../operations/media/sdk.ts';

const CAPTION_TOPIC = 'local-caption';

/** Somebody in a meeting. */
class Participant {
  readonly events: string[] = [];
  readonly captions: string[] = [];
  readonly messages: string[] = [];
  readonly #device: ToneController;
  readonly #session: Sdk.DefaultMeetingSession;
  #samples: number[] = [];

  constructor({ ConnectionData, tone }: { ConnectionData: ConnectionData; tone: number }) {
    this.#device = new ToneController(tone);
    this.#session = sessionOf(ConnectionData, this.#device);
    const audioVideo = this.audioVideo;
    audioVideo.addObserver({
      audioVideoDidStart: () => this.events.push('started'),
      audioVideoDidStartConnecting: (again) => this.events.push(again ? 'reconnecting' : 'connecting'),
      audioVideoDidStop: (status) => {
        this.events.push(`stopped: ${sdk.MeetingSessionStatusCode[status.statusCode()]}`);
        this.#device.silence();
      },
      videoSendDidBecomeUnavailable: () => this.events.push('no video'),
    });
    audioVideo.realtimeSubscribeToAttendeeIdPresence((_id, present, external, dropped) => {
      const who = external?.endsWith('agent') ? 'agent' : 'caller';
      this.events.push(`${who} ${present ? 'is there' : dropped ? 'dropped' : 'left'}`);
    });
    audioVideo.realtimeSubscribeToReceiveDataMessage(CAPTION_TOPIC, (message) =>
      this.captions.push((message.json() as { Text: string }).Text),
    );
    audioVideo.realtimeSubscribeToReceiveDataMessage('chat', (message) => this.messages.push(message.text()));
    listen(audioVideo, (heard) => {
      if (this.#samples.length < WINDOW) this.#samples.push(...heard);
    });
    audioVideo.start();
  }

  get audioVideo(): Sdk.AudioVideoFacade {
    return this.#session.audioVideo;
  }

  /** What is to be heard from now on, for some 0.7 s. */
  async hear(): Promise<Heard> {
    this.#samples = [];
    for (let waited = 0; this.#samples.length < WINDOW && waited < 5_000; waited += 20) await sleep(20);
    return analyse(Float64Array.from({ length: WINDOW }, (_, i) => this.#samples[i] ?? 0));
  }

  /** Of all that was heard so far, in samples: how many had to be made up since none came. */
  async played(): Promise<{ received: number; concealed: number }> {
    const report = await this.audioVideo.getRTCPeerConnectionStats();
    const sum = { received: 0, concealed: 0 };
    for (const one of ((report as Map<string, Record<string, unknown>> | undefined) ?? new Map()).values()) {
      if (one['type'] !== 'inbound-rtp') continue;
      sum.received += Number(one['totalSamplesReceived'] ?? 0);
      sum.concealed += Number(one['concealedSamples'] ?? 0);
    }
    return sum;
  }

  tell(text: string): void {
    this.audioVideo.realtimeSendDataMessage('chat', text);
  }
}

const participants = new Map<string, Participant>();

interface Request {
  readonly do: 'join' | 'disturb' | 'hear' | 'mute' | 'unmute' | 'say' | 'leave' | 'state' | 'played' | 'video';
  readonly as: string;
  readonly ConnectionData: ConnectionData;
  readonly tone: number;
  readonly frames: number;
  readonly text: string;
}

/** Joins, and sends what is no frame, or no sensible one; resolves once all is sent, to what closed it, if anything. */
async function disturb({ ConnectionData: { Meeting, Attendee }, frames }: Request): Promise<object> {
  const socket = new WebSocket(Meeting.MediaPlacement.SignalingUrl, ['_aws_wt_session', Attendee.JoinToken]);
  let code: number | null = null;
  socket.onclose = (event) => (code = event.code);
  await new Promise((resolve) => (socket.onopen = socket.onclose = resolve));
  for (let i = 0; i < frames; i++) {
    const bytes = crypto.getRandomValues(new Uint8Array(i % 300));
    // Every second one is a frame by its first bytes: a time, a type, and then anything.
    socket.send(i % 2 ? Uint8Array.of(5, 8, 1, 16, 1 + (i % 44), ...bytes) : bytes);
    if (i % 500 === 0) await sleep(1);
  }
  for (let waited = 0; socket.bufferedAmount > 0 && waited < 5_000; waited += 20) await sleep(20);
  socket.close();
  return { code };
}

/**
 * Joins as the SDK does with a camera, which it cannot have in Node, and sends the frames itself; resolves to what the
 * SDK makes of the answers.
 */
async function sendVideo({ ConnectionData: { Meeting, Attendee } }: Request): Promise<object> {
  const socket = new WebSocket(Meeting.MediaPlacement.SignalingUrl, ['_aws_wt_session', Attendee.JoinToken]);
  socket.binaryType = 'arraybuffer';
  await new Promise((resolve) => (socket.onopen = resolve));
  const statuses: string[] = [];
  const notifications: string[] = [];
  let isAnswered = false;
  socket.onmessage = ({ data }) => {
    const frame = protocol.SdkSignalFrame.decode(new Uint8Array(data as ArrayBuffer).subarray(1));
    isAnswered ||= Boolean(frame.suback?.sdpAnswer);
    statuses.push(sdk.MeetingSessionStatusCode[sdk.MeetingSessionStatus.fromSignalFrame(frame).statusCode()]!);
    if (frame.notification) notifications.push(frame.notification.message!);
  };
  const peer = new RTCPeerConnection();
  peer.addTransceiver('audio');
  await peer.setLocalDescription(await peer.createOffer());
  const { JOIN, SUBSCRIBE } = protocol.SdkSignalFrame.Type;
  const { RX } = protocol.SdkStreamServiceType;
  const camera = {
    streamId: 2,
    groupId: 2,
    mediaType: protocol.SdkStreamMediaType.VIDEO,
    trackLabel: 'camera',
    framerate: 15,
  };
  const sub = {
    duplex: RX,
    sendStreams: [camera],
    receiveStreamIds: [],
    sdpOffer: peer.localDescription!.sdp,
    audioMuted: false,
  };
  for (const frame of [
    { type: JOIN, join: { protocolVersion: 2 } },
    { type: SUBSCRIBE, sub },
  ]) {
    const body = protocol.SdkSignalFrame.encode(
      protocol.SdkSignalFrame.create({ timestampMs: Date.now(), ...frame }),
    ).finish();
    socket.send(Uint8Array.of(5, ...body));
  }
  for (let waited = 0; notifications.length === 0 && waited < 5_000; waited += 20) await sleep(20);
  await sleep(200);
  socket.close();
  peer.close();
  return { statuses, notifications, isAnswered };
}

async function perform(request: Request): Promise<unknown> {
  if (request.do === 'join') {
    participants.set(request.as, new Participant(request));
    return {};
  }
  if (request.do === 'disturb') return disturb(request);
  if (request.do === 'video') return sendVideo(request);
  const who = participants.get(request.as);
  if (!who) throw new Error(`nobody joined as ${request.as}`);
  switch (request.do) {
    case 'hear':
      return who.hear();
    case 'played':
      return who.played();
    case 'mute':
      who.audioVideo.realtimeMuteLocalAudio();
      break;
    case 'unmute':
      who.audioVideo.realtimeUnmuteLocalAudio();
      break;
    case 'say':
      who.tell(request.text);
      break;
    case 'leave':
      who.audioVideo.stop();
      break;
    case 'state':
      return { events: who.events, captions: who.captions, messages: who.messages };
  }
  return {};
}

await serve(perform);
process.exit(0);
