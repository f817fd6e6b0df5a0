/** Elements of the page, found and made. */

/** The element of an id, which is there and of this kind. */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as E;
}

/** A new element with text, never markup, and children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  more: { text?: string; class?: string } = {},
  ...children: Node[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  if (more.text !== undefined) made.textContent = more.text;
  if (more.class) made.className = more.class;
  made.append(...children);
  return made;
}

/** Names and values. */
export function definitions(values: Record<string, unknown>): HTMLDListElement {
  const list = element('dl');
  for (const [name, value] of Object.entries(values)) {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    list.append(element('dt', { text: name }), element('dd', { text }));
  }
  return list;
}

/** Shows other text only where it differs: a screen reader speaks what is set. */
export function setText(shown: HTMLElement, text: string): void {
  if (shown.textContent !== text) shown.textContent = text;
}

/** A button that is on or off; returns whether it is on now. */
export function toggle(button: HTMLButtonElement): boolean {
  const isOn = button.getAttribute('aria-pressed') !== 'true';
  button.setAttribute('aria-pressed', String(isOn));
  return isOn;
}

/** Whatever a handler fails with is shown, once the button can be pressed again. */
export function onClick(button: HTMLElement, handle: () => unknown): void {
  button.addEventListener('click', () => void attempt(handle));
}

export async function attempt(handle: () => unknown): Promise<void> {
  const failure = byId('failure');
  failure.hidden = true;
  try {
    await handle();
  } catch (error) {
    failure.textContent = error instanceof Error ? error.message : String(error);
    failure.hidden = false;
  }
}
