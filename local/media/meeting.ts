/** A meeting: who is in it, and what each of them hears. */

import type { MeetingState, Place } from './emulator.ts';
import { Mixer, Voice } from './mixer.ts';
import { INAUDIBLE, type Peer, type Said } from './peer.ts';
import { AudioStatus, Type, type Answer } from './protocol.ts';
import { KEYS, MUSIC, PROMPT, SILENCE, WHISPER, type Frames } from './sounds.ts';

/** The topic of data messages that say what Amazon Connect would play or speak. */
export const CAPTION_TOPIC = 'local-caption';
const CAPTION_SENDER = 'local-media-plane';
const STILL_HEARD_MS = 400;
const SIGNAL_STRENGTH = 2; // the best

/** Somebody in a meeting. `send` and `close` are of the signalling connection. */
export class Attendee {
  muted = false;
  present = false;
  left = false;
  peer: Peer | undefined;
  readonly voice = new Voice();
  readonly mixer = new Mixer();
  readonly place: Place;
  readonly stream: number;
  readonly send: (answer: Answer) => void;
  readonly close: () => void;
  #level = INAUDIBLE;
  #heardAt = 0;
  #playing: Buffer[] = [];
  #note = 0;

  constructor(place: Place, stream: number, send: (answer: Answer) => void, close: () => void) {
    this.place = place;
    this.stream = stream;
    this.send = send;
    this.close = close;
  }

  get id(): string {
    return this.place.AttendeeId;
  }

  get info(): { audioStreamId: number; attendeeId: string; externalUserId: string; muted: boolean } {
    const { AttendeeId, ExternalUserId } = this.place;
    return { audioStreamId: this.stream, attendeeId: AttendeeId, externalUserId: ExternalUserId, muted: this.muted };
  }

  /** How loud they are, in -dB as the SDK shows it. */
  get volume(): number {
    return this.muted || Date.now() - this.#heardAt > STILL_HEARD_MS ? INAUDIBLE : this.#level;
  }

  get isPlayedTo(): boolean {
    return this.#playing.length > 0;
  }

  said(level: number): void {
    this.#level = level;
    this.#heardAt = Date.now();
  }

  play(frames: Frames): void {
    this.#playing.push(...frames);
  }

  stopPlaying(): void {
    this.#playing = [];
  }

  nextSound(): Buffer | undefined {
    return this.#playing.shift();
  }

  nextNote(): Buffer {
    this.#note = (this.#note + 1) % MUSIC.length;
    return MUSIC[this.#note]!;
  }
}

export class Meeting {
  readonly #attendees = new Map<string, Attendee>();
  #state: MeetingState | undefined;
  #streams = 0;

  get attendees(): readonly Attendee[] {
    return [...this.#attendees.values()];
  }

  get #present(): Attendee[] {
    return this.attendees.filter((each) => each.present);
  }

  /** Somebody new; whoever had their place before is out of it. */
  add(place: Place, send: (answer: Answer) => void, close: () => void): Attendee {
    const before = this.#attendees.get(place.AttendeeId);
    if (before) {
      this.remove(before);
      before.close();
    }
    const attendee = new Attendee(place, ++this.#streams, send, close);
    this.#attendees.set(attendee.id, attendee);
    return attendee;
  }

  /** Whether somebody has their place still: nobody came in their stead. */
  has(attendee: Attendee): boolean {
    return this.#attendees.get(attendee.id) === attendee;
  }

  /** Their audio is connected: they are seen by the others from now on. */
  enter(attendee: Attendee): void {
    attendee.present = true;
    const streams = this.#present.filter((each) => each !== attendee).map((each) => each.info);
    attendee.send({ type: Type.AUDIO_STREAM_ID_INFO, audioStreamIdInfo: { streams } });
    this.show(attendee);
  }

  /** Shows everybody that somebody is there, and whether they are muted. */
  show(attendee: Attendee): void {
    this.#tell({ type: Type.AUDIO_STREAM_ID_INFO, audioStreamIdInfo: { streams: [attendee.info] } });
  }

  remove(attendee: Attendee): void {
    if (!this.has(attendee)) return;
    this.#attendees.delete(attendee.id);
    void attendee.peer?.close();
    if (!attendee.present) return;
    attendee.present = false;
    const gone = {
      audioStreamId: attendee.stream,
      externalUserId: attendee.place.ExternalUserId,
      dropped: !attendee.left,
    };
    this.#tell({ type: Type.AUDIO_STREAM_ID_INFO, audioStreamIdInfo: { streams: [gone] } });
  }

  /** The call has ended. */
  end(): void {
    for (const attendee of this.attendees) this.#dismiss(attendee, AudioStatus.ENDED);
  }

  /** Sends a message to all others. */
  relay(from: Attendee, answer: Answer): void {
    for (const each of this.#present) if (each !== from) each.send(answer);
  }

  /** The contact has become this: whoever lost their place is out, what was said or pressed is to be heard. */
  update(state: MeetingState): void {
    const before = this.#state?.ContactId === state.ContactId ? this.#state : undefined;
    for (const attendee of this.attendees) {
      if (!state.AttendeeIds.includes(attendee.id)) this.#dismiss(attendee, AudioStatus.REMOVED);
    }
    if (state.State === 'connected' && before?.State !== 'connected') {
      // Nobody talks over a prompt that was not at its end.
      for (const customer of this.#of('CUSTOMER')) customer.stopPlaying();
    }
    this.#state = state;
    this.#caption('CUSTOMER', state.Heard.slice(before?.Heard.length), PROMPT);
    this.#caption('AGENT', state.AgentHeard.slice(before?.AgentHeard.length), WHISPER);
    for (const key of state.Digits.slice(before?.Digits.length).join('')) {
      for (const agent of this.#of('AGENT')) agent.play(KEYS.get(key) ?? []);
    }
  }

  #caption(whose: Place['Role'], texts: readonly string[], sound: Frames): void {
    for (const text of texts) {
      const data = Buffer.from(JSON.stringify({ For: whose, Text: text }));
      const sender = { senderAttendeeId: CAPTION_SENDER, senderExternalUserId: CAPTION_SENDER };
      const message = { topic: CAPTION_TOPIC, data, lifetimeMs: 0, ingestTimeNs: Date.now() * 1e6, ...sender };
      for (const attendee of this.#of(whose)) {
        attendee.play(sound);
        attendee.send({ type: Type.DATA_MESSAGE, dataMessage: { messages: [message] } });
      }
    }
  }

  /** Somebody said something. */
  said(from: Attendee, { packet, level }: Said): void {
    if (from.muted || !from.present) return;
    from.said(level);
    let samples: Int16Array | undefined;
    for (const listener of this.#present) {
      const talkers = this.#talkersFor(listener);
      if (!talkers.includes(from)) continue;
      if (talkers.length > 1) {
        samples ??= from.voice.decode(packet.payload);
        if (samples) listener.mixer.add(from.id, samples);
      } else if (!listener.isPlayedTo) {
        listener.peer?.sendOn(packet);
      }
    }
  }

  /** 20 ms have passed: whoever hears nobody's own packets hears something else. */
  tick(): void {
    for (const listener of this.#present) {
      const sound = listener.nextSound();
      const talkers = this.#talkersFor(listener).length;
      if (sound) listener.peer?.sendFrame(sound);
      else if (this.#hearsMusic(listener)) listener.peer?.sendFrame(listener.nextNote());
      else if (talkers === 0) listener.peer?.sendFrame(SILENCE);
      else if (talkers > 1) listener.peer?.sendFrame(listener.mixer.next());
    }
  }

  /** Shows everybody how loud everybody is. */
  showVolumes(): void {
    const attendeeStates = this.#present.map((each) => ({
      audioStreamId: each.stream,
      volume: each.volume,
      signalStrength: SIGNAL_STRENGTH,
    }));
    if (attendeeStates.length) this.#tell({ type: Type.AUDIO_METADATA, audioMetadata: { attendeeStates } });
  }

  #talkersFor(listener: Attendee): Attendee[] {
    if (this.#state?.State !== 'connected' || this.#state.OnHold) return [];
    return this.#present.filter((each) => each !== listener && !each.muted);
  }

  #hearsMusic(listener: Attendee): boolean {
    const waits = this.#state?.State === 'queued' || (this.#state?.State === 'connected' && this.#state.OnHold);
    return waits && listener.place.Role === 'CUSTOMER';
  }

  #of(role: Place['Role']): Attendee[] {
    return this.#present.filter((each) => each.place.Role === role);
  }

  #dismiss(attendee: Attendee, audioStatus: number): void {
    attendee.send({ type: Type.AUDIO_STATUS, audioStatus: { audioStatus } });
    attendee.left = true;
    this.remove(attendee);
    attendee.close();
  }

  #tell(answer: Answer): void {
    for (const each of this.#present) each.send(answer);
  }
}
