/** The form that says how to connect. The page begins anew with what was chosen, and with it every panel. */

import type { PageClient } from './client';
import { rememberChoice } from './connect-choice';
import { byId } from './dom';

/** Wires the form. */
export function startConnectForm({ choice, isElsewhere }: PageClient): void {
  const form = byId('connect-form', HTMLFormElement);
  const server = byId('connect-server', HTMLInputElement);
  const version = byId('connect-version', HTMLSelectElement);
  const proof = byId('connect-proof', HTMLSelectElement);
  const username = byId('connect-username', HTMLInputElement);
  const password = byId('connect-password', HTMLInputElement);
  const session = byId('connect-session', HTMLSelectElement);

  server.value = choice.server;
  version.value = choice.version;
  proof.value = choice.proof;
  username.value = choice.username;
  password.value = choice.password;
  session.value = choice.session;

  const isDefault = [choice.server, choice.version, choice.proof, choice.session].every((one) => one === '');
  // What is not as one would expect is seen.
  byId('connect-more', HTMLDetailsElement).open = !isDefault;
  const reset = byId('connect-reset', HTMLButtonElement);
  reset.hidden = isDefault;

  const signsIn = () => {
    for (const input of [username, password]) {
      // A field that is not asked for is not missed either.
      input.disabled = proof.value === '';
      input.closest('label')?.toggleAttribute('hidden', input.disabled);
    }
  };
  proof.addEventListener('change', signsIn);
  signsIn();

  // The link can be cut where the demo's server carries it.
  byId('cut-button', HTMLButtonElement).disabled = isElsewhere;
  byId('cut-elsewhere', HTMLElement).hidden = !isElsewhere;

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    rememberChoice({
      server: server.value.trim(),
      version: version.value,
      proof: proof.value,
      username: username.value,
      password: password.value,
      session: session.value,
      clientId: choice.clientId === '' ? `kept${crypto.randomUUID().slice(0, 8)}` : choice.clientId,
    });
    location.reload();
  });
  reset.addEventListener('click', () => {
    rememberChoice(undefined);
    location.reload();
  });
}
