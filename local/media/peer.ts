/** The audio connection of one attendee: WebRTC by werift, on loopback alone. */

import { randomInt } from 'node:crypto';
import {
  MediaStreamTrack,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  RtpHeader,
  RtpPacket,
  useAudioLevelIndication,
} from 'werift';
import { FRAME_SAMPLES } from './sounds.ts';

const LOOPBACK = '127.0.0.1';
/** RFC 6464: the level of what is not to be heard at all, in -dBov. */
export const INAUDIBLE = 127;

/** What an attendee said, 20 ms of it: Opus. */
export interface Said {
  readonly packet: RtpPacket;
  readonly level: number; // 0 (loudest) to 127, in -dBov
}

export class Peer {
  readonly #track = new MediaStreamTrack({ kind: 'audio' });
  readonly #connection: RTCPeerConnection;
  readonly #numbers = new Numbers();
  #certificate = '';

  constructor(heard: (said: Said) => void) {
    this.#connection = new RTCPeerConnection({
      iceUseIpv6: false,
      iceUseTcp: false,
      iceInterfaceAddresses: { udp4: LOOPBACK },
      iceAdditionalHostAddresses: [LOOPBACK],
      iceServers: [],
      bundlePolicy: 'max-bundle',
      headerExtensions: { audio: [useAudioLevelIndication()] },
      codecs: {
        audio: [new RTCRtpCodecParameters({ mimeType: 'audio/opus', clockRate: 48_000, channels: 2 })],
        // No video is carried, but its part of an offer needs an answer.
        video: [new RTCRtpCodecParameters({ mimeType: 'video/VP8', clockRate: 90_000 })],
      },
    });
    this.#connection.onTrack.subscribe((track) => {
      if (track.kind !== 'audio') return;
      track.onReceiveRtp.subscribe((packet, extensions) => {
        const level = extensions?.['urn:ietf:params:rtp-hdrext:ssrc-audio-level'] as { level?: number } | undefined;
        heard({ packet, level: level?.level ?? 0 });
      });
    });
  }

  /** Whether an offer is of the peer that this one has answered. */
  isFor(offer: string): boolean {
    return this.#certificate === certificate(offer);
  }

  /** Answers an offer (SDP); throws for what is none. */
  async answer(offer: string): Promise<string> {
    this.#certificate = certificate(offer);
    await this.#connection.setRemoteDescription({ type: 'offer', sdp: offer });
    const audio = this.#connection.getTransceivers().find((each) => each.kind === 'audio');
    if (audio && !audio.sender.track) {
      audio.setDirection('sendrecv');
      await audio.sender.replaceTrack(this.#track);
    }
    await this.#connection.setLocalDescription(await this.#connection.createAnswer());
    return this.#connection.localDescription?.sdp ?? '';
  }

  /** Sends 20 ms of Opus that follow whatever was sent last. */
  sendFrame(payload: Buffer): void {
    this.#send(payload, ...this.#numbers.next());
  }

  /** Sends on what somebody else said, with the gaps that it came with. */
  sendOn(packet: RtpPacket): void {
    this.#send(packet.payload, ...this.#numbers.following(packet.header));
  }

  #send(payload: Buffer, sequenceNumber: number, timestamp: number): void {
    this.#track.writeRtp(new RtpPacket(new RtpHeader({ sequenceNumber, timestamp }), payload));
  }

  async close(): Promise<void> {
    this.#track.stop();
    await this.#connection.close();
  }
}

/** Sequence numbers and timestamps of one stream that is made of many: without a seam for whoever receives it. */
export class Numbers {
  #sequence = randomInt(0x1_0000);
  #timestamp = randomInt(0x1_0000_0000);
  #source: { ssrc: number; sequence: number; timestamp: number } | undefined;

  next(): [sequence: number, timestamp: number] {
    this.#source = undefined;
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#timestamp = (this.#timestamp + FRAME_SAMPLES) >>> 0;
    return [this.#sequence, this.#timestamp];
  }

  following({ ssrc, sequenceNumber, timestamp }: RtpHeader): [sequence: number, timestamp: number] {
    if (this.#source?.ssrc !== ssrc) {
      const sequence = this.#sequence + 1 - sequenceNumber;
      this.#source = { ssrc, sequence, timestamp: this.#timestamp + FRAME_SAMPLES - timestamp };
    }
    const sent = (sequenceNumber + this.#source.sequence) & 0xffff;
    const at = (timestamp + this.#source.timestamp) >>> 0;
    // A packet that was overtaken is none to continue from.
    if (((sent - this.#sequence) & 0xffff) < 0x8000) [this.#sequence, this.#timestamp] = [sent, at];
    return [sent, at];
  }
}

function certificate(sdp: string): string {
  return /^a=fingerprint:.*$/m.exec(sdp)?.[0] ?? '';
}
