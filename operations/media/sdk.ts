/** The real, unmodified Amazon Chime SDK in Node: what it speaks into, and what it hears. */

import { MediaStream, RTCAudioSink, RTCAudioSource } from './shims.ts';
import type * as Sdk from 'amazon-chime-sdk-js';

// After the shims: the SDK looks for a browser when it is loaded.
export const sdk = (await import('amazon-chime-sdk-js')).default as typeof Sdk;

/** The frames of its signalling. */
export const protocol = (await import('amazon-chime-sdk-js/build/signalingprotocol/SignalingProtocol.js')).default;

export type { Sdk };

export const SAMPLE_RATE = 48_000; // Hz
const AMPLITUDE = 8_000; // of 32,767
const PIECE = SAMPLE_RATE / 100; // samples that the source takes at a time: 10 ms

/** What a start is answered with, and an app joins by. */
export interface ConnectionData {
  readonly Meeting: { MediaPlacement: { SignalingUrl: string } };
  readonly Attendee: { JoinToken: string };
}

/** A microphone that hears one tone. */
export class ToneController extends sdk.NoOpDeviceController {
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

/** A session in the call that `ConnectionData` names, which speaks by `device`; not started yet. */
export function sessionOf(data: ConnectionData, device: ToneController): Sdk.DefaultMeetingSession {
  const configuration = new sdk.MeetingSessionConfiguration(data.Meeting, data.Attendee);
  configuration.reconnectTimeoutMs = 45_000;
  return new sdk.DefaultMeetingSession(configuration, new sdk.NoOpLogger(), device);
}

/** Hands all that is to be heard to `keep`, one channel of it, as samples of -1 to 1. */
export function listen(audioVideo: Sdk.AudioVideoFacade, keep: (samples: number[]) => void): void {
  const ears = new Map<string, object>(); // by track: the SDK may hand one over again
  const hear = ({ samples, channelCount = 1 }: { samples: Int16Array; channelCount?: number }): void =>
    keep(Array.from(samples.filter((_, i) => i % channelCount === 0), (each) => each / 32_768));
  const element = {
    play: () => Promise.resolve(),
    set srcObject(stream: globalThis.MediaStream | null) {
      const [track] = stream?.getAudioTracks() ?? [];
      if (!track || ears.has(track.id)) return;
      const sink = new RTCAudioSink(track as never);
      sink.ondata = hear;
      ears.set(track.id, sink);
    },
  };
  void audioVideo.bindAudioElement(element as unknown as HTMLAudioElement);
}
