/**
 * The signalling of the Amazon Chime SDK: protobuf frames on a WebSocket, each behind one byte. AWS documents it
 * nowhere; its definition is the SDK's own, whose version package.json pins, and the tests run the real SDK.
 */

import protocol from 'amazon-chime-sdk-js/build/signalingprotocol/SignalingProtocol.js';
import type { ISdkSignalFrame } from 'amazon-chime-sdk-js/build/signalingprotocol/SignalingProtocol.js';

export const { SdkPingPongType: PingPong, SdkStreamMediaType: Media, SdkNotificationFrame: Notification } = protocol;
export const Type = protocol.SdkSignalFrame.Type;
export type Frame = ISdkSignalFrame;
export type Answer = Omit<ISdkSignalFrame, 'timestampMs'>;

/** The subprotocol beside which a client names its join token. */
export const SUBPROTOCOL = '_aws_wt_session';
/** What the SDK appends to the token and to the attendee of a screen share. */
export const CONTENT = '#content';

const FROM_SERVER = 0x02;

/** Statuses of an AUDIO_STATUS frame, and of an error; the SDK has a MeetingSessionStatusCode for each. */
export const AudioStatus = {
  OK: 200,
  REJECTED: 403, // AudioAuthenticationRejected
  ENDED: 410, // MeetingEnded
  REMOVED: 411, // AudioAttendeeRemoved
} as const;
export const VIEW_ONLY = 206; // VideoCallSwitchToViewOnly
/** Codes that close a WebSocket; while a client joins, the SDK reads 4410 as MeetingEnded. */
export const Close = { REJECTED: 4403, ENDED: 4410 } as const;

/** A frame that a client sent; throws for what is none. */
export function decode(data: Buffer): Frame {
  return protocol.SdkSignalFrame.decode(data.subarray(1));
}

export function encode(answer: Answer): Buffer {
  const frame = protocol.SdkSignalFrame.create({ timestampMs: Date.now(), ...answer });
  const body = protocol.SdkSignalFrame.encode(frame).finish();
  return Buffer.concat([Buffer.of(FROM_SERVER), body]);
}
