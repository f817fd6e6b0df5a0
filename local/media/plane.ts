/** All meetings, kept as the emulator has the calls. */

import type { Contacts, Presence } from './emulator.ts';
import { Meeting } from './meeting.ts';
import { FRAME_MS } from './sounds.ts';

const REFRESH_MS = 250;
const VOLUMES_MS = 200;
// More than this behind, what was not sent is not sent any more.
const MAX_BEHIND_MS = 200;

export class Plane {
  readonly #contacts: Contacts;
  readonly #meetings = new Map<string, Meeting>();
  readonly #reports = new Map<string, Promise<void>>(); // by join token: one after the other
  readonly #cut = new Set<string>(); // attendees whose network is down
  readonly #timers: NodeJS.Timeout[] = [];
  #refreshing: Promise<void> | undefined;

  constructor(contacts: Contacts) {
    this.#contacts = contacts;
  }

  meeting(id: string): Meeting {
    let meeting = this.#meetings.get(id);
    if (!meeting) this.#meetings.set(id, (meeting = new Meeting()));
    return meeting;
  }

  /** Tells the emulator who came or went, in that order, and learns what has become of the call. */
  async report(joinToken: string, presence: Presence): Promise<void> {
    const report = (this.#reports.get(joinToken) ?? Promise.resolve())
      .then(() => this.#contacts.report(joinToken, presence))
      .catch((error: unknown) => console.error('a report failed:', (error as Error).message));
    this.#reports.set(joinToken, report);
    await report;
    if (this.#reports.get(joinToken) === report) this.#reports.delete(joinToken);
    await this.refresh();
  }

  /** Brings all meetings up to date. */
  async refresh(): Promise<void> {
    await this.#refreshing; // what it has read may be older than this request
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = undefined));
    await this.#refreshing;
  }

  async #refresh(): Promise<void> {
    try {
      const known = [...this.#meetings];
      const states = new Map((await this.#contacts.meetings()).map((state) => [state.MeetingId, state]));
      for (const [id, meeting] of known) {
        const state = states.get(id);
        if (state) meeting.update(state);
        else {
          meeting.end();
          this.#meetings.delete(id);
        }
      }
    } catch (error) {
      console.error('the emulator:', (error as Error).message);
    }
  }

  /** The network of an attendee goes down, or is there again. False where nobody of that id is in a meeting. */
  setNetwork(attendeeId: string, isUp: boolean): boolean {
    if (isUp) return this.#cut.delete(attendeeId);
    const attendee = [...this.#meetings.values()]
      .flatMap((each) => each.attendees)
      .find((each) => each.id === attendeeId);
    if (attendee) {
      this.#cut.add(attendeeId);
      attendee.close();
    }
    return attendee !== undefined;
  }

  isCut(attendeeId: string): boolean {
    return this.#cut.has(attendeeId);
  }

  /** Lets time pass. */
  start(): void {
    const occupied = (): Meeting[] => [...this.#meetings.values()].filter((each) => each.attendees.length > 0);
    this.#timers.push(
      setInterval(() => void (occupied().length && this.refresh()), REFRESH_MS),
      setInterval(() => occupied().forEach((each) => each.showVolumes()), VOLUMES_MS),
    );
    let due = performance.now();
    const tick = (): void => {
      const now = performance.now();
      if (now - due > MAX_BEHIND_MS) due = now;
      for (; due <= now; due += FRAME_MS) for (const meeting of this.#meetings.values()) meeting.tick();
      setTimeout(tick, Math.max(0, due - performance.now()));
    };
    tick();
  }
}
