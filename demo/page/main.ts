/** Puts the page together: one client, and the panels that use it. */

import { startChatPanel } from './chat-panel';
import { createPageClient } from './client';
import { startConnectForm } from './connect-form';
import { startConnectionPanel } from './connection-panel';
import { byId, element } from './dom';
import { startMachinePanel } from './machine-panel';
import { startPacketPanel } from './packet-panel';
import { startPublishPanel } from './publish-panel';
import { startSubscribePanel } from './subscribe-panel';
import { startTheme } from './theme';

startTheme();

const pageClient = createPageClient();
const { client } = pageClient;
const complain = (error: unknown) => {
  // What ends with the connection has ended as the reader wished, or for the reason that the panel tells.
  if (client.status.type !== 'closed') console.error(error);
};

// Everything is in place before the connection is opened: subscriptions wait for it.
startPacketPanel(client);
startConnectionPanel(pageClient);
startConnectForm(pageClient);
startMachinePanel(client, complain);
startChatPanel(client, complain);
startPublishPanel(client);
startSubscribePanel(client);
client.connect().catch(complain);

// A page that is left has no use for its session; one that comes back from the browser's cache begins anew.
// Firefox sends nothing any more at this point: there the session expires at the server.
addEventListener('pagehide', () => void client.close({ force: true }).catch(complain));
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) client.connect().catch(complain);
});

// Lists that scroll can be scrolled by keyboard; Safari needs to be told.
for (const id of ['events', 'chat-list', 'messages', 'packet-list']) byId(id, HTMLElement).tabIndex = 0;

const response = await fetch('/demo.json');
const addresses: unknown = await response.json();
if (typeof addresses === 'object' && addresses !== null && 'mqttUrl' in addresses && 'wsUrl' in addresses) {
  byId('foot', HTMLElement).append(
    'Bring your own client: ',
    element('code', {}, String(addresses.mqttUrl)),
    ' or ',
    element('code', {}, String(addresses.wsUrl)),
  );
}
