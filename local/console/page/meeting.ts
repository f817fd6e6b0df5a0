/** A voice in a meeting of the Amazon Chime SDK. */

import {
  ConsoleLogger,
  DefaultDeviceController,
  DefaultMeetingSession,
  LogLevel,
  MeetingSessionConfiguration,
  MeetingSessionStatusCode,
  type DefaultMeetingSession as Session,
} from 'amazon-chime-sdk-js';

/** Connect keeps a caller's place for a minute: so long the SDK tries to get back by itself. */
const RECONNECTS_FOR_MS = 45_000;

export interface ConnectionData {
  readonly Meeting: unknown;
  readonly Attendee: unknown;
}

/** Why the SDK stopped. */
export type Stop = 'left' | 'ended' | 'lost';

export interface MeetingObserver {
  readonly connected: () => void;
  readonly reconnecting: () => void;
  readonly stopped: (why: Stop, status: string) => void;
  /** Somebody else came or went. The agent's id ends in `agent`. */
  readonly presence: (isAgent: boolean, isThere: boolean) => void;
  /** What the local media plane says in place of Amazon Connect. */
  readonly caption?: (text: string) => void;
}

export class Meeting {
  readonly #session: Session;

  private constructor(session: Session) {
    this.#session = session;
  }

  /** Joins; the microphone is one that the user has allowed, the element plays the others. */
  static async join(
    data: ConnectionData,
    microphone: MediaStream,
    speaker: HTMLAudioElement,
    observer: MeetingObserver,
  ): Promise<Meeting> {
    const logger = new ConsoleLogger('call', LogLevel.OFF);
    const configuration = new MeetingSessionConfiguration(data.Meeting, data.Attendee);
    configuration.reconnectTimeoutMs = RECONNECTS_FOR_MS;
    const session = new DefaultMeetingSession(configuration, logger, new DefaultDeviceController(logger));
    const { audioVideo } = session;
    const ownId = configuration.credentials?.attendeeId;
    audioVideo.addObserver({
      audioVideoDidStart: observer.connected,
      audioVideoDidStartConnecting: (again) => again && observer.reconnecting(),
      audioVideoDidStop: (status) => {
        void audioVideo.stopAudioInput();
        observer.stopped(why(status.statusCode()), MeetingSessionStatusCode[status.statusCode()] ?? 'unknown');
      },
    });
    audioVideo.realtimeSubscribeToAttendeeIdPresence((id, isThere, externalId) => {
      if (id !== ownId) observer.presence(externalId?.endsWith('agent') ?? false, isThere);
    });
    audioVideo.realtimeSubscribeToReceiveDataMessage('local-caption', (message) => {
      observer.caption?.((message.json() as { Text: string }).Text);
    });
    await audioVideo.startAudioInput(microphone);
    await audioVideo.bindAudioElement(speaker);
    audioVideo.start();
    return new Meeting(session);
  }

  mute(isMuted: boolean): void {
    if (isMuted) this.#session.audioVideo.realtimeMuteLocalAudio();
    else this.#session.audioVideo.realtimeUnmuteLocalAudio();
  }

  leave(): void {
    this.#session.audioVideo.stop();
  }
}

function why(status: MeetingSessionStatusCode): Stop {
  if (status === MeetingSessionStatusCode.Left) return 'left';
  return status === MeetingSessionStatusCode.MeetingEnded ? 'ended' : 'lost';
}
