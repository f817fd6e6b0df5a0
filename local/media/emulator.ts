/** The emulator, as far as it knows of meetings: `local/emulator/media.py`. */

import { Agent, request } from 'node:http';

/** A place in a meeting, by whoever holds its join token. */
export interface Place {
  readonly AttendeeId: string;
  readonly ExternalUserId: string;
  readonly Role: 'CUSTOMER' | 'AGENT';
  readonly MeetingId: string;
  readonly ContactId: string;
}

/** What is to be heard in the meeting of a call that is under way. */
export interface MeetingState {
  readonly MeetingId: string;
  readonly ContactId: string;
  readonly State: 'connecting' | 'queued' | 'connected';
  readonly OnHold: boolean;
  /** What the flow has said to the customer so far, and to the agent. */
  readonly Heard: readonly string[];
  readonly AgentHeard: readonly string[];
  /** The keys that the customer has pressed and no block has collected. */
  readonly Digits: readonly string[];
  /** Whose places are not lost. */
  readonly AttendeeIds: readonly string[];
}

export type Presence = 'Joined' | 'Left' | 'Gone';

/** What the plane requires of the emulator. */
export interface Contacts {
  /** Whose place that is, or why it is nobody's: the call has ended, the place is lost or none. */
  admit(joinToken: string): Promise<Place | 'ended' | 'lost'>;
  /** Reports on whoever holds the token; a place that is lost meanwhile is none to report on. */
  report(joinToken: string, presence: Presence): Promise<void>;
  /** The meetings under way. */
  meetings(): Promise<readonly MeetingState[]>;
}

const ANSWERS_WITHIN_MS = 10_000;

/** The emulator at a URL. `header` is that of the run's token: Node's `fetch` would pass for a browser there. */
export class Emulator implements Contacts {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(url: string, header: readonly [name: string, value: string]) {
    this.#url = `${url}/_local/media`;
    this.#headers = { [header[0]]: header[1] };
  }

  async admit(joinToken: string): Promise<Place | 'ended' | 'lost'> {
    const { status, document } = await this.#send('POST', '/admission', { JoinToken: joinToken });
    if (status === 200) return document as Place;
    if (status === 410) return 'ended';
    if (status === 404) return 'lost';
    throw new Error(`the emulator answers ${status}`);
  }

  async report(joinToken: string, presence: Presence): Promise<void> {
    await this.#send('POST', '/presence', { JoinToken: joinToken, Presence: presence });
  }

  async meetings(): Promise<readonly MeetingState[]> {
    const { status, document } = await this.#send('GET', '');
    if (status !== 200) throw new Error(`the emulator answers ${status}`);
    return (document as { Media: MeetingState[] }).Media;
  }

  #send(method: string, path: string, body?: object): Promise<{ status: number; document: unknown }> {
    return new Promise((resolve, reject) => {
      const options = { method, agent: this.#agent, headers: this.#headers, timeout: ANSWERS_WITHIN_MS };
      const sent = request(this.#url + path, options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          try {
            resolve({ status: response.statusCode ?? 0, document: JSON.parse(Buffer.concat(chunks).toString()) });
          } catch (error) {
            reject(error as Error);
          }
        });
      });
      sent.on('timeout', () => sent.destroy(new Error('the emulator does not answer')));
      sent.on('error', reject);
      sent.end(body && JSON.stringify(body));
    });
  }
}
