/**
 * Callers and agents without a browser: the real, unmodified Amazon Chime SDK in Node. Each says one tone.
 *
 * A line of standard input is a JSON object with `do` and `as` (whose name it is); a line of standard output is
 * the answer. `tests/e2e/media/participants.py` is the other end.
 */

import { serve, sleep } from './requests.ts';
import { MediaStream, RTCAudioSink, RTCAudioSource } from './shims.ts';
import { analyse, SAMPLE_RATE, WINDOW, type Heard } from './spectrum.ts';
import type * as Sdk from 'amazon-chime-sdk-js';

// After the shims: the SDK looks for a browser when it is loaded.
const sdk = (await import('amazon-chime-sdk-js')).default as typeof Sdk;

const protocol = (await import('amazon-chime-sdk-js/build/signalingprotocol/SignalingProtocol.js')).default;

const CAPTION_TOPIC = 'local-caption';
const AMPLITUDE = 8_000; // of 32,767
const PIECE = SAMPLE_RATE / 100; // samples that the source takes at a time: 10 ms

interface ConnectionData {
  readonly Meeting: { MediaPlacement: { SignalingUrl: string } };
  readonly Attendee: { JoinToken: string };
}

/** A microphone that hears one tone. */
class ToneController extends sdk.NoOpDeviceController {
  readonly #source = new RTCAudioSource();
  readonly #stream = new MediaStream([this.#source.createTrack()]);
  readonly #timer: NodeJS.Timeout;

  constructor(hertz: number) {
    super();
    let sent = 0;
    const began = performance.now();
    this.#timer = setInterval(() => {
      for (; sent * 10 < performance.now() - began; sent++) {
        const samples = new Int16Array(PIECE).map(
          (_, i) => AMPLITUDE * Math.sin((2 * Math.PI * hertz * (sent * PIECE + i)) / SAMPLE_RATE),
        );
        this.#source.onData({
          samples,
          sampleRate: SAMPLE_RATE,
          bitsPerSample: 16,
          channelCount: 1,
          numberOfFrames: PIECE,
        });
      }
    }, 10);
  }

  override acquireAudioInputStream(): Promise<globalThis.MediaStream> {
    return Promise.resolve(this.#stream as unknown as globalThis.MediaStream);
  }

  silence(): void {
    clearInterval(this.#timer);
  }
}

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
    const configuration = new sdk.MeetingSessionConfiguration(ConnectionData.Meeting, ConnectionData.Attendee);
    configuration.reconnectTimeoutMs = 45_000;
    this.#session = new sdk.DefaultMeetingSession(configuration, new sdk.NoOpLogger(), this.#device);
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
    this.#listen();
    audioVideo.start();
  }

  get audioVideo(): Sdk.AudioVideoFacade {
    return this.#session.audioVideo;
  }

  #listen(): void {
    const ears = new Map<string, object>(); // by track: the SDK may hand one over again
    const keep = ({ samples, channelCount }: { samples: Int16Array; channelCount?: number }): void => {
      for (let i = 0; i < samples.length; i += channelCount ?? 1) this.#samples.push(samples[i]! / 32_768);
      this.#samples = this.#samples.slice(-WINDOW);
    };
    const element = {
      play: () => Promise.resolve(),
      set srcObject(stream: globalThis.MediaStream | null) {
        const [track] = stream?.getAudioTracks() ?? [];
        if (!track || ears.has(track.id)) return;
        const sink = new RTCAudioSink(track as never);
        sink.ondata = keep;
        ears.set(track.id, sink);
      },
    };
    void this.audioVideo.bindAudioElement(element as unknown as HTMLAudioElement);
  }

  /** What is to be heard from now on, for some 0.7 s. */
  async hear(): Promise<Heard> {
    this.#samples = [];
    for (let waited = 0; this.#samples.length < WINDOW && waited < 5_000; waited += 20) await sleep(20);
    return analyse(Float64Array.from({ length: WINDOW }, (_, i) => this.#samples[i] ?? 0));
  }

  tell(text: string): void {
    this.audioVideo.realtimeSendDataMessage('chat', text);
  }
}

const participants = new Map<string, Participant>();

interface Request {
  readonly do: 'join' | 'disturb' | 'hear' | 'mute' | 'unmute' | 'say' | 'leave' | 'state' | 'video';
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
