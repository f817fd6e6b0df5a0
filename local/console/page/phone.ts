/** The phone of a caller. */

import { Call, type Phase } from './call.ts';
import { CallingClient, CallingError, type Answered, type CallStatus } from './calling_client.ts';
import { attempt, byId, element, onClick, setText, toggle } from './dom.ts';
import type { Contact, LocalAws, Run, User } from './local_aws.ts';

const KEYS = '123456789*0#';
const MAX_ANSWERS = 30;
const SECRETS = new Set(['JoinToken', 'ParticipantToken']);

export class Phone {
  readonly #aws: LocalAws;
  readonly #client: CallingClient;
  readonly #speaker = byId<HTMLAudioElement>('phone-audio');
  readonly #muteButton = byId<HTMLButtonElement>('mute');
  readonly #networkButton = byId<HTMLButtonElement>('network');
  #user: User | undefined;
  #call: Call | undefined;
  #phase: Phase | undefined;
  #state: CallStatus | undefined;
  #position = 0;

  constructor(aws: LocalAws, run: Run) {
    this.#aws = aws;
    this.#client = new CallingClient({
      apiUrl: run.ApiUrl,
      token: (anew) => this.#token(anew),
      answered: (answer) => this.#show(answer),
    });
    byId<HTMLFormElement>('sign-in').addEventListener('submit', (event) => {
      event.preventDefault();
      void attempt(() => this.#signIn());
    });
    onClick(byId('call'), () => this.#start());
    onClick(byId('hang-up'), () => this.#call?.hangUp());
    onClick(this.#muteButton, () => this.#call?.mute(toggle(this.#muteButton)));
    onClick(this.#networkButton, () => this.#cutNetwork());
    for (const key of KEYS) {
      const button = element('button', { text: key });
      button.type = 'button';
      onClick(button, () => this.#call?.sendDigits(key));
      byId('keypad').append(button);
    }
  }

  /** Who has signed in, and may be impersonated. */
  get userId(): string {
    return this.#user?.UserId ?? '';
  }

  /** The call of this phone, to be followed by the rest of the page. */
  get contactId(): string {
    return this.#call?.contactId ?? '';
  }

  /** What there is in Connect: a caller who waits wants to know after how many others. */
  update(contacts: readonly Contact[]): void {
    const own = contacts.find((each) => each.ContactId === this.contactId);
    const ahead = contacts.filter(
      (each) =>
        each.State === 'queued' && each.Queue?.Arn === own?.Queue?.Arn && (each.QueuedAt ?? '') < (own?.QueuedAt ?? ''),
    );
    this.#position = own?.State === 'queued' ? ahead.length + 1 : 0;
    if (this.#phase) this.#render();
  }

  async #signIn(): Promise<void> {
    this.#user = await this.#aws.signIn(byId<HTMLInputElement>('email').value);
    byId('sign-in').hidden = true;
    byId('signed-in').hidden = false;
    setText(byId('caller'), `${this.#user.Email} has signed in.`);
    setText(byId('phone-status'), 'No call.');
    byId('call').focus();
  }

  async #token(anew: boolean): Promise<string> {
    if (!this.#user) throw new Error('nobody has signed in');
    if (anew) this.#user = await this.#aws.signIn(this.#user.Email);
    return this.#user.Token;
  }

  async #start(): Promise<void> {
    const topic = byId<HTMLSelectElement>('topic').value;
    byId('phone-captions').replaceChildren();
    for (const button of [this.#muteButton, this.#networkButton]) button.setAttribute('aria-pressed', 'false');
    this.#state = undefined;
    this.#call = new Call(this.#client, this.#speaker, {
      changed: (phase, state) => {
        [this.#phase, this.#state] = [phase, state];
        this.#render();
      },
      caption: (text) => byId('phone-captions').append(element('li', { text: `“${text}”` })),
    });
    this.#phase = 'calling';
    this.#render();
    try {
      await this.#call.start(topic ? { Topic: topic } : {});
    } catch (error) {
      // One call at a time: a tab that was closed in the middle of one may have left it behind.
      const left = error instanceof CallingError && error.kind === 'call-active' ? error.problem.ContactId : undefined;
      if (!left) throw error;
      await this.#client.endCall(left);
      throw new Error('Your last call was still there. It has ended now: call again.');
    }
  }

  async #cutNetwork(): Promise<void> {
    if (this.#call) await this.#aws.setNetwork(this.#call.attendeeId, !toggle(this.#networkButton));
  }

  #render(): void {
    const isInCall = this.#phase !== undefined && this.#phase !== 'ended';
    byId('in-call').hidden = !isInCall;
    byId<HTMLButtonElement>('call').disabled = isInCall;
    setText(byId('phone-status'), this.#sentence());
  }

  #sentence(): string {
    switch (this.#phase) {
      case 'waiting':
        return this.#position ? `Waiting: number ${this.#position} in the queue.` : 'Waiting.';
      case 'talking':
        return 'Talking with the agent.';
      case 'reconnecting':
        return 'The connection is lost. Coming back …';
      case 'ended':
        return `The call has ended${this.#state?.EndedBy ? ` (${this.#state.EndedBy})` : ''}.`;
      default:
        return 'Calling …';
    }
  }

  #show({ request, status, body }: Answered): void {
    const title = element('summary', { text: `${request} → ${status}` });
    const text = JSON.stringify(
      body,
      (name, value: unknown) => (SECRETS.has(name) ? `${String(value).slice(0, 8)}…` : value),
      2,
    );
    const item = element('li', {}, element('details', {}, title, element('pre', { text: text ?? '(no body)' })));
    const log = byId('answers');
    log.prepend(item);
    while (log.children.length > MAX_ANSWERS) log.lastElementChild?.remove();
  }
}
