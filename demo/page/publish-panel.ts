/** A form that publishes anything, and tells how it went. */

import type { Client, PublishProperties, PublishResult, QoS } from 'mqtide';
import { byId, chosen, element, prependBounded, setText } from './dom';
import { clock, describeError, hexCode } from './format';
import { parseHex } from './payload';

/** Results that are kept. */
const maxResults = 20;

/** Wires the publish form. */
export function startPublishPanel(client: Client): void {
  const form = byId('publish-form', HTMLFormElement);
  const topic = byId('publish-topic', HTMLInputElement);
  const payload = byId('publish-payload', HTMLTextAreaElement);
  const retain = byId('publish-retain', HTMLInputElement);
  const hex = byId('publish-hex', HTMLInputElement);
  const results = byId('publish-results', HTMLElement);

  const add = byId('add-user-property', HTMLButtonElement);
  add.addEventListener('click', () => addUserProperty(add));

  // A field that nobody sees cannot be complained about: the browser would say nothing. The event does not bubble.
  form.addEventListener(
    'invalid',
    ({ target }) => {
      const details = target instanceof Element ? target.closest('details') : null;
      if (details !== null) details.open = true;
    },
    true,
  );

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const qos = readQoS(chosen(form, 'publish-qos'));
    const result = new Result(`${topic.value} at QoS ${qos}`);
    prependBounded(results, [result.root], maxResults);
    try {
      const body = hex.checked ? parseHex(payload.value) : payload.value;
      if (client.status.type !== 'connected' && qos > 0) result.waits('kept until the link is back');
      client.publish(topic.value, body, { qos, retain: retain.checked, properties: readProperties() }).then(
        (outcome) => result.accepted(qos, outcome),
        (error: unknown) => result.refused(error),
      );
    } catch (error) {
      result.refused(error);
    }
  });
}

/** Reads the choice of a quality of service. */
export function readQoS(text: string): QoS {
  return text === '2' ? 2 : text === '1' ? 1 : 0;
}

/** Only what was filled in: an empty property is not the same as none. */
function readProperties(): PublishProperties {
  const contentType = byId('publish-content-type', HTMLInputElement).value;
  const expiry = byId('publish-expiry', HTMLInputElement).value;
  const responseTopic = byId('publish-response-topic', HTMLInputElement).value;
  const correlation = byId('publish-correlation', HTMLInputElement).value;
  const isText = byId('publish-text', HTMLInputElement).checked;
  const userProperties = [...byId('user-properties', HTMLElement).querySelectorAll('fieldset')].flatMap(
    (row) => {
      const [name, value] = [...row.querySelectorAll('input')].map((input) => input.value);
      return name === undefined || value === undefined || name === '' ? [] : [[name, value] as const];
    },
  );
  return {
    ...(contentType === '' ? {} : { contentType }),
    ...(expiry === '' ? {} : { messageExpiryInterval: Number(expiry) }),
    ...(responseTopic === '' ? {} : { responseTopic }),
    ...(correlation === '' ? {} : { correlationData: new TextEncoder().encode(correlation) }),
    ...(isText ? { payloadFormatIndicator: 1 } : {}),
    ...(userProperties.length === 0 ? {} : { userProperties }),
  };
}

/** @param add takes the focus when the row that has it goes */
function addUserProperty(add: HTMLButtonElement): void {
  const name = element('input', {
    attributes: { 'aria-label': 'Name', placeholder: 'name', autocomplete: 'off' },
  });
  const value = element('input', {
    attributes: { 'aria-label': 'Value', placeholder: 'value', autocomplete: 'off' },
  });
  const remove = element(
    'button',
    { attributes: { type: 'button', 'aria-label': 'Remove this user property' } },
    '×',
  );
  const row = element('fieldset', { class: 'user-property' }, name, value, remove);
  remove.addEventListener('click', () => {
    row.remove();
    add.focus();
  });
  byId('user-properties', HTMLElement).append(row);
  name.focus();
}

/** How one publish went. */
class Result {
  readonly root: HTMLElement;
  readonly #outcome = element('span', { class: 'result-outcome' }, 'on its way');
  readonly #started = performance.now();

  constructor(what: string) {
    const time = new Date();
    this.root = element(
      'div',
      { class: 'result', attributes: { 'data-mood': 'neutral' } },
      element('time', { attributes: { datetime: time.toISOString() } }, clock(time)),
      element('span', { class: 'result-what' }, what),
      this.#outcome,
    );
  }

  waits(why: string): void {
    setText(this.#outcome, why);
  }

  accepted(qos: QoS, { reasonCode, resent }: PublishResult): void {
    const took = (performance.now() - this.#started).toFixed(1);
    this.root.dataset['mood'] = 'good';
    if (qos === 0) {
      setText(this.#outcome, 'sent, and nobody confirms it');
      return;
    }
    const meaning = reasonCode === 0x10 ? 'no matching subscribers' : 'success';
    const again = resent === true ? ', sent again as new' : '';
    setText(this.#outcome, `${meaning} (${hexCode(reasonCode)}) after ${took} ms${again}`);
  }

  refused(error: unknown): void {
    this.root.dataset['mood'] = 'bad';
    setText(this.#outcome, describeError(error));
  }
}
