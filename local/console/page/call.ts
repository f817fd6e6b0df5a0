/**
 * A call from the tap of the button to its end: what an app does with the API and the Chime SDK. The reference
 * that docs/apps.md shows; it touches no page.
 */

import { CallingError, type CallStatus, type CallingClient, type StartCallRequest } from './calling_client.ts';
import { Meeting, type Stop } from './meeting.ts';

/** Where the API does not say when to ask again. */
const FOLLOWS_EVERY_MS = 10_000;
/** Who ended a call may be known a moment later. */
const SETTLES_AFTER_MS = 3_000;

export type Phase = 'calling' | 'waiting' | 'talking' | 'reconnecting' | 'ended';

export interface CallObserver {
  /** The phase has changed, or what the API says of the call. */
  readonly changed: (phase: Phase, state: CallStatus | undefined) => void;
  readonly caption?: (text: string) => void;
}

export class Call {
  readonly #client: CallingClient;
  readonly #speaker: HTMLAudioElement;
  readonly #observer: CallObserver;
  #microphone: MediaStream | undefined;
  #meeting: Meeting | undefined;
  #timer: number | undefined;
  #phase: Phase = 'calling';
  #state: CallStatus | undefined;
  contactId = '';
  attendeeId = '';

  constructor(client: CallingClient, speaker: HTMLAudioElement, observer: CallObserver) {
    this.#client = client;
    this.#speaker = speaker;
    this.#observer = observer;
  }

  /** The user has tapped the button. Throws where the microphone or the API says no. */
  async start(request: StartCallRequest): Promise<void> {
    const key = crypto.randomUUID();
    try {
      // Before the request: a call must be joined within a minute, and a person may think about it.
      this.#microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
      const answer = await this.#client.startCall(request, key);
      this.contactId = answer.ContactId;
      await this.#join(answer);
      this.#follow();
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  mute(isMuted: boolean): void {
    this.#meeting?.mute(isMuted);
  }

  async sendDigits(digits: string): Promise<void> {
    await this.#client.sendDigits(this.contactId, digits, crypto.randomUUID());
  }

  /** Both: a call that an agent has transferred ends for the agent only when the app leaves the meeting. */
  async hangUp(): Promise<void> {
    const ended = this.#client.endCall(this.contactId);
    this.#end();
    await ended;
    await this.#settle();
  }

  async #join(answer: { ConnectionData: { Meeting: unknown; Attendee: { AttendeeId: string } } }): Promise<void> {
    this.attendeeId = answer.ConnectionData.Attendee.AttendeeId;
    // A track that was stopped with a lost session is no microphone any more.
    const live = this.#microphone?.getAudioTracks().some((track) => track.readyState === 'live');
    if (!live) this.#microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
    this.#meeting = await Meeting.join(answer.ConnectionData, this.#microphone!, this.#speaker, {
      connected: () => this.#follow(),
      reconnecting: () => this.#move('reconnecting'),
      presence: () => void this.#read().catch(() => undefined),
      stopped: (why) => void this.#stopped(why),
      caption: (text) => this.#observer.caption?.(text),
    });
    if (this.#isOver) this.#leave(); // hung up meanwhile
  }

  async #stopped(why: Stop): Promise<void> {
    if (this.#isOver) return;
    if (why === 'lost') return this.#comeBack();
    this.#end();
    await this.#settle();
  }

  /** Who ended the call, as soon as the API has learnt it. */
  async #settle(): Promise<void> {
    await this.#read().catch(() => undefined);
    if (!this.#state?.EndedBy || this.#state.EndedBy === 'UNKNOWN') {
      setTimeout(() => void this.#read().catch(() => undefined), SETTLES_AFTER_MS);
    }
  }

  /** The SDK has given up: by POST …/connection there is a place in the same call, or none any more. */
  async #comeBack(): Promise<void> {
    if (this.#isOver) return; // hung up while it waited for the agent
    this.#move('reconnecting');
    try {
      await this.#join(await this.#client.rejoinCall(this.contactId));
    } catch (error) {
      if (error instanceof CallingError && error.kind === 'agent-not-connected') {
        setTimeout(() => void this.#comeBack(), FOLLOWS_EVERY_MS);
        return;
      }
      this.#end();
      await this.#settle();
    }
  }

  /** Reads the state now, and from time to time until an agent is there. */
  #follow(): void {
    window.clearTimeout(this.#timer);
    const again = (): void => {
      if (this.#phase === 'calling' || this.#phase === 'waiting' || this.#phase === 'reconnecting') {
        const seconds = this.#state?.AskAgainAfterSeconds;
        this.#timer = window.setTimeout(() => this.#follow(), seconds ? seconds * 1000 : FOLLOWS_EVERY_MS);
      }
    };
    void this.#read()
      .catch(() => undefined)
      .then(again);
  }

  async #read(): Promise<void> {
    this.#state = await this.#client.getCall(this.contactId);
    if (this.#state.State === 'ENDED') this.#end();
    else if (!this.#isOver) this.#move(this.#state.State === 'CONNECTED' ? 'talking' : 'waiting');
    this.#observer.changed(this.#phase, this.#state);
  }

  #move(phase: Phase): void {
    this.#phase = phase;
    this.#observer.changed(phase, this.#state);
  }

  get #isOver(): boolean {
    return this.#phase === 'ended';
  }

  #end(): void {
    if (this.#isOver) return;
    this.#move('ended');
    window.clearTimeout(this.#timer);
    this.#leave();
  }

  #leave(): void {
    for (const track of this.#microphone?.getTracks() ?? []) track.stop();
    this.#meeting?.leave(); // which the SDK may not know yet, as long as it has no network
  }
}
