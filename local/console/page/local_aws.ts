/** What the page's own server does for it: `local/console/actions.py`. */

import type { ConnectionData } from './meeting.ts';

export interface Step {
  readonly Block: string;
  readonly Type: string;
  readonly Result: string;
  readonly Detail: string | null;
  readonly Time: string;
}

/** A contact as the emulator shows it. */
export interface Contact {
  readonly ContactId: string;
  readonly PreviousContactId: string | null;
  readonly State: 'connecting' | 'queued' | 'connected' | 'ended';
  readonly ContactFlow: { readonly Name: string } | null;
  readonly Attributes: Record<string, string>;
  readonly Parameters: { readonly ParticipantDetails?: { readonly DisplayName?: string } };
  readonly Data: Record<string, unknown>;
  readonly Queue: { readonly Arn: string; readonly Name: string } | null;
  readonly Way: readonly Step[];
  readonly Views: readonly { readonly View: string; readonly Data: Record<string, unknown> }[];
  readonly OnHold: boolean;
  readonly QueuedAt: string | null;
  readonly DisconnectReason: string | null;
}

export interface Run {
  readonly ApiUrl: string;
  readonly Environment: string;
  readonly SignIn: string;
}

export interface User {
  readonly Email: string;
  readonly UserId: string;
  readonly Token: string;
}

const KEY = 'page-key';

export class LocalAws {
  readonly #key: string;

  /** The key came behind the `#` of the printed link; a reload finds it in the tab. */
  constructor() {
    const given = location.hash.slice(1);
    if (given) {
      sessionStorage.setItem(KEY, given);
      history.replaceState(null, '', location.pathname);
    }
    this.#key = sessionStorage.getItem(KEY) ?? '';
  }

  run(): Promise<Run> {
    return this.#send('GET', 'run');
  }

  signIn(email: string): Promise<User> {
    return this.#send('POST', 'users', { Email: email });
  }

  async contacts(): Promise<readonly Contact[]> {
    return (await this.#send<{ Contacts: Contact[] }>('GET', 'contacts')).Contacts;
  }

  /** What the agent who takes a contact joins with. */
  place(contactId: string): Promise<ConnectionData> {
    return this.#send('POST', `contacts/${contactId}/place`);
  }

  happen(contactId: string, event: string): Promise<Contact> {
    return this.#send('POST', `contacts/${contactId}/events`, { Event: event });
  }

  startForgedContact(userId: string): Promise<{ ContactId: string }> {
    return this.#send('POST', 'stranger', { UserId: userId });
  }

  setNetwork(attendeeId: string, isUp: boolean): Promise<void> {
    return this.#send('POST', 'network', { AttendeeId: attendeeId, Up: isUp });
  }

  addFault(fault: object): Promise<void> {
    return this.#send('POST', 'faults', fault);
  }

  clearFaults(): Promise<void> {
    return this.#send('DELETE', 'faults');
  }

  behaviours(): Promise<{ LostCustomer: string }> {
    return this.#send('GET', 'behaviours');
  }

  behave(lostCustomer: string): Promise<void> {
    return this.#send('POST', 'behaviours', { LostCustomer: lostCustomer });
  }

  passTime(seconds: number): Promise<void> {
    return this.#send('POST', 'clock', { Seconds: seconds });
  }

  async #send<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const headers = { 'X-Page-Key': this.#key, 'Content-Type': 'application/json' };
    const response = await fetch(`api/${path}`, { method, headers, body: body ? JSON.stringify(body) : null });
    const answer = (await response.json()) as { message?: string };
    if (!response.ok) throw new Error(answer.message ?? `${response.status}`);
    return answer as Answer;
  }
}
