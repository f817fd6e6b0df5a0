/** The way of a contact through its contact flow, and what can go otherwise. */

import { byId, element, onClick, setText } from './dom.ts';
import type { Contact, LocalAws } from './local_aws.ts';

const NEWEST = 8;
const SUCCESS = new Set(['Success', 'True', 'verified']);

/** Switched on by a person who wants to see what an app makes of it. */
const FAULTS: Record<string, object> = {
  'Connect throttles the next two starts': {
    Service: 'connect', Operation: 'StartWebRTCContact', Times: 2, Error: { Code: 'TooManyRequestsException', Status: 429 },
  },
  'Connect takes three seconds to start': { Service: 'connect', Operation: 'StartWebRTCContact', Times: 5, DelaySeconds: 3 },
  'Connect answers the next start badly': { Service: 'connect', Operation: 'StartWebRTCContact', Times: 1, Malformed: true },
  'The next three digits cannot be sent': {
    Service: 'connectparticipant', Operation: 'SendMessage', Times: 3, Error: { Code: 'InternalServerException', Status: 500 },
  },
  'The next hang-up fails': {
    Service: 'connect', Operation: 'StopContact', Times: 1, Error: { Code: 'InternalServiceException', Status: 500 },
  },
};

export class Flow {
  readonly #aws: LocalAws;
  readonly #chosen = byId<HTMLSelectElement>('contact');
  #contacts: readonly Contact[] = [];
  #shown = '';
  #newest = '';

  constructor(aws: LocalAws, userId: () => string) {
    this.#aws = aws;
    const fault = byId<HTMLSelectElement>('fault');
    fault.append(...Object.keys(FAULTS).map((text) => element('option', { text })));
    const lostCustomer = byId<HTMLSelectElement>('lost-customer');
    void aws.behaviours().then((behaviours) => (lostCustomer.value = behaviours.LostCustomer));
    this.#chosen.addEventListener('change', () => this.update(this.#contacts));
    onClick(byId('stranger'), () => this.#impersonate(userId()));
    onClick(byId('add-fault'), async () => {
      await aws.addFault(FAULTS[fault.value]!);
      this.#tell(`Switched on: ${fault.value}.`);
    });
    onClick(byId('clear-faults'), async () => {
      await aws.clearFaults();
      this.#tell('No fault is switched on.');
    });
    lostCustomer.addEventListener('change', () => void aws.behave(lostCustomer.value));
    onClick(byId('pass-time'), async () => {
      await aws.passTime(90);
      this.#tell('Ninety seconds have passed for Connect.');
    });
  }

  update(contacts: readonly Contact[]): void {
    this.#contacts = contacts;
    const newest = contacts.slice(-NEWEST).toReversed();
    this.#offer(newest);
    const contact = newest.find((each) => each.ContactId === this.#chosen.value);
    const shown = JSON.stringify(contact);
    if (!contact || shown === this.#shown) return;
    this.#shown = shown;
    setText(byId('flow-status'), sentence(contact));
    byId('way').replaceChildren(...contact.Way.map(block));
  }

  /** The newest is followed until a person chooses another. */
  #offer(newest: readonly Contact[]): void {
    const labels = newest.map((each) => [each.ContactId, `${each.ContactId.slice(0, 8)} · ${each.State}`] as const);
    const isShown = labels.every(
      ([id, text], i) => this.#chosen.options[i]?.value === id && this.#chosen.options[i].text === text,
    );
    if (isShown && labels.length === this.#chosen.options.length) return;
    const first = newest[0]?.ContactId ?? '';
    const kept = this.#newest === first ? this.#chosen.value : first;
    this.#newest = first;
    this.#chosen.replaceChildren(...labels.map(([id, text]) => new Option(text, id, false, id === kept)));
  }

  async #impersonate(userId: string): Promise<void> {
    const { ContactId } = await this.#aws.startForgedContact(userId);
    this.#tell(
      `A stranger started contact ${ContactId.slice(0, 8)} past the backend, with the caller's id and an invented token.`,
    );
  }

  #tell(text: string): void {
    setText(byId('lab-status'), text);
  }
}

function sentence(contact: Contact): string {
  const where = contact.Queue ? `, in the queue “${contact.Queue.Name}”` : '';
  const reason = contact.DisconnectReason ? ` (${contact.DisconnectReason})` : '';
  return `${contact.ContactFlow?.Name ?? 'After a transfer'}: ${contact.State}${where}${reason}.`;
}

function block({ Block, Type, Result, Detail }: Contact['Way'][number]): HTMLLIElement {
  const isGood = SUCCESS.has(Result);
  return element(
    'li',
    {},
    element('strong', { text: Block }),
    element('span', { text: ` ${Type} → ` }),
    element('span', { text: Result, class: isGood ? 'result' : 'failed' }),
    ...(Detail ? [element('div', { text: Detail, class: 'quiet' })] : []),
  );
}
