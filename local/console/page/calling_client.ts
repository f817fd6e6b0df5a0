/** The API of this project, as an app calls it: typed from openapi.yaml, on `fetch`, and nothing else. */

import type { components } from '../../../build/openapi.d.ts';

type Schemas = components['schemas'];
export type CallConnection = Schemas['CallConnection'];
export type CallStatus = Schemas['CallStatus'];
export type Problem = Schemas['Problem'];
export type StartCallRequest = Schemas['StartCallRequest'];

const PROBLEM = 'urn:in-app-calling:problem:';
const MAX_ATTEMPTS = 5;
const REPEATABLE = new Set(['request-in-progress', 'throttled', 'capacity-reached', 'unavailable', 'timeout']);

/** The API's refusal. */
export class CallingError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail ?? problem.title);
    this.problem = problem;
  }

  /** What the type ends in, such as `call-ended`. */
  get kind(): string {
    return this.problem.type.replace(PROBLEM, '');
  }
}

/** One answer, for whoever wants to show it. */
export interface Answered {
  readonly request: string;
  readonly status: number;
  readonly body: unknown;
}

export interface Settings {
  /** The output `ApiUrl`. */
  readonly apiUrl: string;
  /** The signed-in user's token; `anew` after it was refused. */
  readonly token: (anew: boolean) => Promise<string>;
  readonly answered?: (answer: Answered) => void;
}

export class CallingClient {
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Starts a call. `key` is new for each tap of the button, and the same when the app repeats the request. */
  startCall(request: StartCallRequest, key: string): Promise<CallConnection> {
    return this.#send('POST', 'start-call', request, key);
  }

  getCall(contactId: string): Promise<CallStatus> {
    return this.#send('GET', `calls/${contactId}`);
  }

  /** What the app needs to join the same call again. */
  rejoinCall(contactId: string): Promise<CallConnection> {
    return this.#send('POST', `calls/${contactId}/connection`, {});
  }

  sendDigits(contactId: string, digits: string, key: string): Promise<void> {
    return this.#send('POST', `calls/${contactId}/digits`, { Digits: digits }, key);
  }

  /** Hangs up, also while the call waits. */
  endCall(contactId: string): Promise<void> {
    return this.#send('DELETE', `calls/${contactId}`);
  }

  /** Sends a request, again where docs/apps.md says so; throws CallingError. */
  async #send<Answer>(method: string, path: string, body?: object, key?: string): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const response = await this.#fetch(method, path, attempt, body, key).catch((error: unknown) => {
        if (attempt >= MAX_ATTEMPTS) throw error;
        return undefined; // no network: the same request again
      });
      if (response?.ok) return response.body as Answer;
      const error = response && new CallingError(response.body as Problem);
      const again = !error || REPEATABLE.has(error.kind) || error.kind === 'unauthorized' || response.retryAfter > 0;
      if (error && (!again || attempt >= MAX_ATTEMPTS || response.retryAfter > 30)) throw error;
      await sleep(1000 * (response?.retryAfter || Math.min(attempt, 3)));
    }
  }

  async #fetch(method: string, path: string, attempt: number, body?: object, key?: string) {
    const headers = new Headers({ Authorization: await this.#settings.token(attempt > 1) });
    if (body) headers.set('Content-Type', 'application/json');
    if (key) headers.set('Idempotency-Key', key);
    const url = new URL(path, this.#settings.apiUrl.replace(/\/*$/, '/'));
    const response = await fetch(url, { method, headers, body: body ? JSON.stringify(body) : null });
    const text = await response.text();
    const answer = { ok: response.ok, body: text ? (JSON.parse(text) as unknown) : undefined };
    this.#settings.answered?.({ request: `${method} /${path}`, status: response.status, body: answer.body });
    return { ...answer, retryAfter: Number(response.headers.get('Retry-After') ?? 0) };
  }
}

const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
