/** The desk of an agent: what is offered, and the conversation. */

import { byId, definitions, element, onClick, setText, toggle } from './dom.ts';
import type { Contact, LocalAws } from './local_aws.ts';
import { Meeting } from './meeting.ts';

export class Desk {
  readonly #aws: LocalAws;
  readonly #speaker = byId<HTMLAudioElement>('desk-audio');
  readonly #state = byId<HTMLSelectElement>('agent-state');
  readonly #muteButton = byId<HTMLButtonElement>('agent-mute');
  readonly #holdButton = byId<HTMLButtonElement>('hold');
  #contacts: readonly Contact[] = [];
  #meeting: Meeting | undefined;
  #contactId = '';
  #shown = '';

  constructor(aws: LocalAws) {
    this.#aws = aws;
    this.#state.addEventListener('change', () => this.update(this.#contacts));
    onClick(this.#muteButton, () => this.#meeting?.mute(toggle(this.#muteButton)));
    onClick(this.#holdButton, () => this.#happen(toggle(this.#holdButton) ? 'CustomerHeld' : 'CustomerResumed'));
    onClick(byId('transfer'), () => this.#happen('Transferred'));
    onClick(byId('agent-hang-up'), () => this.#meeting?.leave());
  }

  update(contacts: readonly Contact[]): void {
    this.#contacts = contacts;
    const isAvailable = this.#state.value === 'available' && !this.#meeting;
    const offered = isAvailable ? contacts.filter((each) => each.State === 'queued') : [];
    const current = contacts.find((each) => each.ContactId === this.#contactId);
    const shown = JSON.stringify([
      offered.map((each) => [each.ContactId, each.Attributes]),
      current,
      this.#meeting !== undefined,
    ]);
    if (shown === this.#shown) return; // whoever is about to press a button still finds it
    this.#shown = shown;
    byId('offers').replaceChildren(...offered.map((each) => this.#offer(each)));
    byId('conversation').hidden = !this.#meeting;
    const guide = current && this.#meeting ? [described(current), ...views(current)] : [];
    byId('guide').replaceChildren(...guide);
    setText(byId('desk-status'), this.#sentence(offered.length, current));
  }

  #sentence(offered: number, current: Contact | undefined): string {
    if (this.#meeting) return current?.OnHold ? 'The caller is on hold and hears music.' : 'In a call.';
    if (this.#state.value === 'away') return 'Away: no contacts are offered.';
    return offered ? `${offered} ${offered === 1 ? 'contact is' : 'contacts are'} offered.` : 'Nobody calls.';
  }

  #offer(contact: Contact): HTMLElement {
    const accept = element('button', { text: 'Accept', class: 'go' });
    accept.setAttribute('aria-label', `Accept the call of ${nameOf(contact)}`);
    onClick(accept, () => this.#accept(contact));
    return element('article', { class: 'offer' }, described(contact), accept);
  }

  async #accept(contact: Contact): Promise<void> {
    const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
    byId('desk-captions').replaceChildren();
    for (const button of [this.#muteButton, this.#holdButton]) button.setAttribute('aria-pressed', 'false');
    const place = await this.#aws.place(contact.ContactId);
    this.#contactId = contact.ContactId;
    this.#meeting = await Meeting.join(place, microphone, this.#speaker, {
      connected: () => undefined,
      reconnecting: () => setText(byId('desk-status'), 'The connection is lost. Coming back …'),
      presence: () => undefined,
      stopped: () => {
        for (const track of microphone.getTracks()) track.stop();
        this.#meeting = undefined;
        this.update(this.#contacts);
      },
      caption: (text) => byId('desk-captions').append(element('li', { text: `Whisper: “${text}”` })),
    });
    this.update(this.#contacts);
    this.#muteButton.focus();
  }

  async #happen(event: string): Promise<void> {
    await this.#aws.happen(this.#contactId, event);
  }
}

function nameOf(contact: Contact): string {
  return String(contact.Data['Name'] ?? contact.Parameters.ParticipantDetails?.DisplayName ?? 'somebody');
}

/** A contact as the flow presents it. */
function described(contact: Contact): HTMLElement {
  const isVerified = contact.Attributes['auth_status'] === 'verified';
  return element(
    'div',
    {},
    element('h3', { text: nameOf(contact) }),
    element('p', {
      text: isVerified ? '✓ Verified: the backend has proved who calls' : '✗ Not verified: nothing is proved',
      class: isVerified ? 'verified' : 'unverified',
    }),
    definitions({ Queue: contact.Queue?.Name ?? '', ...contact.Data, ...contact.Attributes }),
  );
}

/** What a guide has shown. */
function views(contact: Contact): HTMLElement[] {
  return contact.Views.map(({ View, Data }) =>
    element('section', {}, element('h3', { text: `Guide: ${View.split('/').at(-1) ?? View}` }), definitions(Data)),
  );
}
