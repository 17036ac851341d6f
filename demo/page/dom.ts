/** The few lines that this page needs around the DOM. Text only ever becomes a text node, never markup. */

/** Attributes and listeners of a new element. */
export interface ElementOptions {
  readonly class?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly onClick?: () => void;
}

/** Makes an element; strings among its children become text. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  options: ElementOptions = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  if (options.class !== undefined) made.className = options.class;
  for (const [name, value] of Object.entries(options.attributes ?? {})) made.setAttribute(name, value);
  if (options.onClick !== undefined) made.addEventListener('click', options.onClick);
  made.append(...children);
  return made;
}

/**
 * The element of index.html with this id.
 *
 * @throws Error when there is none, or one of another kind
 */
export function byId<Kind extends Element>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`index.html has no ${kind.name} #${id}`);
  return found;
}

/** The chosen value of a group of radio buttons. */
export function chosen(form: HTMLFormElement, name: string): string {
  return String(new FormData(form).get(name) ?? '');
}

/** Sets the text, and touches the page only when it changes. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** Fills a definition list. */
export function setFacts(
  list: HTMLDListElement,
  facts: readonly (readonly [name: string, value: string])[],
): void {
  const rows = [...list.children];
  facts.forEach(([name, value], index) => {
    const row = rows[index];
    const term = row?.children[0];
    const description = row?.children[1];
    if (term !== undefined && description !== undefined) {
      setText(term, name);
      setText(description, value);
    } else {
      list.append(element('div', {}, element('dt', {}, name), element('dd', {}, value)));
    }
  });
  for (const row of rows.slice(facts.length)) row.remove();
}

/**
 * Adds at the end of a list that scrolls, keeps the list short, and follows the end if the reader was there.
 */
export function appendBounded(list: HTMLElement, items: readonly Node[], limit: number): void {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.append(...items);
  for (let extra = list.childElementCount - limit; extra > 0; extra -= 1) list.firstElementChild?.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

/** Adds at the top of a list, and keeps the list short. */
export function prependBounded(list: HTMLElement, items: readonly Node[], limit: number): void {
  list.prepend(...items);
  for (let extra = list.childElementCount - limit; extra > 0; extra -= 1) list.lastElementChild?.remove();
}
