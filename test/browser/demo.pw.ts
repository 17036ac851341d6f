import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type BrowserContext, expect, type Page, test } from '@playwright/test';
import getPort from 'get-port';
import type { Client } from 'mqtide';
import { waitFor } from '../support/wait-for';

/** As the page has it, in ms; a link is dead to the broker after one and a half of these. */
const keepAlive = 5_000;

/** A demo that runs. */
interface Demo {
  readonly process: ChildProcess;
  /** What it has printed. */
  readonly output: () => string;
  readonly pageUrl: string;
  readonly mqttUrl: string;
}

let demo: Demo;

test.beforeAll(async () => {
  demo = await startDemo(await freePorts());
});

test.afterAll(async () => {
  await stopDemo(demo);
});

test('shows figures of this machine, new ones every second', async ({ page }) => {
  const problems = watchProblems(page);
  await open(page);
  const tiles = page.locator('.tiles');
  for (const title of ['Processor', 'Memory']) await expect(tiles.getByText(title)).toBeVisible();

  const seen = new Set<string>();
  await expect.poll(async () => seen.add(await tiles.innerText()).size).toBeGreaterThan(3);

  // Uptime counts seconds, so it tells whether each of them came.
  await subscribe(page, 'machine/+host/uptime');
  await expect(page.locator('#messages .payload')).toHaveCount(4, { timeout: 10_000 });
  const payloads = await page.locator('#messages .payload').allInnerTexts();
  const seconds = payloads.map((text) => (JSON.parse(text) as { seconds: number }).seconds).reverse();
  const steps = seconds.slice(1).map((second, index) => second - (seconds[index] ?? 0));
  for (const step of steps) expect([1, 2]).toContain(step);

  expect(problems).toEqual([]);
});

test('carries a chat message from one tab to another, and shows it once in each', async ({
  page,
  context,
}) => {
  await open(page);
  const other = await openTab(context);
  await say(page, 'anna', 'Is the tide in?');
  await expect(chat(other, 'Is the tide in?')).toHaveCount(1);
  await say(other, 'bert', 'It is.');
  await expect(chat(page, 'It is.')).toHaveText(/bert/);
  for (const tab of [page, other]) {
    await expect(tab.locator('.chat-text')).toHaveText(['Is the tide in?', 'It is.']);
    await expect(tab.locator('.chat-note')).toHaveText(['', '']);
  }
});

test('shows what comes over MQTT as text, never as markup', async ({ page }) => {
  const problems = watchProblems(page);
  await open(page);
  const markup = '<img src="x" onerror="document.title = 1"><script>document.title = 2</script>';
  await subscribe(page, 'demo/#');
  await withClient(async (client) => {
    await client.publish(`chat/room/${markup.replaceAll('/', '')}`, markup, { qos: 1 });
    await client.publish('demo/markup', markup, {
      qos: 1,
      properties: { contentType: markup, userProperties: [[markup, markup]] },
    });
    await client.publish(`machine/<b>evil<!--/state`, markup, { qos: 1 });
    await client.publish('machine/<b>evil<!--/info', JSON.stringify({ system: markup }), { qos: 1 });
  });
  await expect(page.locator('.chat-text')).toHaveText([markup]);
  await expect(page.locator('#messages').getByText(`contentType: ${markup}`)).toBeVisible();
  await expect(page.locator('.machine-head').getByText('<b>evil<!--')).toBeVisible();
  await expect(page.locator('main img, main script')).toHaveCount(0);
  expect(problems).toEqual([]);
});

test('works where the browser allows no storage', async ({ page }) => {
  const problems = watchProblems(page);
  await page.addInitScript(() => {
    const get = () => {
      throw new DOMException('The request was denied.', 'SecurityError');
    };
    for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, { get });
  });
  await open(page);
  await page.getByRole('button', { name: 'Colours: as the system' }).click();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'light');
  await say(page, 'anna', 'Nobody will remember.');
  await expect(chat(page, 'Nobody will remember.')).toHaveText(/anna/);
  expect(problems).toEqual([]);
});

test('says how a publish went, and why it was refused', async ({ page }) => {
  await open(page);
  const outcome = page.locator('.result-outcome').first();
  const publish = async (topic: string) => {
    await page.getByLabel('Topic', { exact: true }).fill(topic);
    await page.getByRole('button', { name: 'Publish' }).click();
  };
  await publish('nobody/listens');
  await expect(outcome).toContainText('no matching subscribers (0x10)');
  await subscribe(page, 'somebody/#');
  await publish('somebody/listens');
  await expect(outcome).toContainText('success (0x00)');
  await publish('private/diary');
  await expect(outcome).toContainText('not-authorized');
  await publish('no/+/wildcard');
  await expect(outcome).toContainText('UsageError');
  await expect(page.locator('#events .event')).toHaveText([/Connected/]);

  await page.getByLabel('Filter').fill('private/#');
  await page.getByRole('button', { name: 'Subscribe', exact: true }).click();
  await expect(page.locator('#subscribe-note')).toContainText('not-authorized');
  await expect(page.getByRole('list', { name: 'Active subscriptions' }).getByRole('listitem')).toHaveCount(1);
  await page.getByRole('button', { name: 'Unsubscribe from somebody/#' }).click();
  await expect(page.getByRole('list', { name: 'Active subscriptions' }).getByRole('listitem')).toHaveCount(0);
});

test('subscribes no more to what was unsubscribed from when the client was closed', async ({ page }) => {
  await open(page);
  for (const filter of ['stays/#', 'goes/#']) await subscribe(page, filter);
  await page.locator('#cut-seconds').fill('20');
  await page.getByRole('button', { name: 'Cut the link' }).click();
  await expect(page.locator('#events')).toContainText('The link is cut for 20 s');
  const goes = page.getByRole('button', { name: 'Unsubscribe from goes/#' });
  await goes.click();
  await expect(goes).toBeDisabled();
  await page.getByRole('button', { name: 'Disconnect', exact: true }).click();
  await expect(goes).toHaveCount(0);
  await page.getByRole('button', { name: 'Mend it now' }).click();
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await expect(page.getByRole('button', { name: 'Unsubscribe from stays/#' })).toBeEnabled();
  await expect(page.getByRole('list', { name: 'Active subscriptions' }).getByRole('listitem')).toHaveCount(1);
});

test('says what is wrong with a payload whether there is a connection or not', async ({ page }) => {
  await open(page);
  await page.getByLabel('Payload is hex').check();
  await page.locator('#publish-payload').fill('zz');
  for (const button of ['Disconnect', 'Connect']) {
    await page.getByRole('button', { name: button, exact: true }).click();
    await page.getByRole('button', { name: 'Publish' }).click();
    await expect(page.locator('.result-outcome').first()).toContainText('not hex');
  }
});

test('can be used by keyboard alone, and names what has the focus', async ({ page }) => {
  await open(page);
  await page.getByRole('slider', { name: 'For seconds' }).press('Home');
  await expect(page.locator('#cut-output')).toHaveText('2');
  for (const filter of ['one/#', 'two/#']) {
    await page.getByLabel('Filter').fill(filter);
    await page.getByLabel('Filter').press('Enter');
    await expect(page.getByRole('button', { name: `Unsubscribe from ${filter}` })).toBeVisible();
  }
  // What goes hands the focus on.
  await page.getByRole('button', { name: 'Unsubscribe from one/#' }).press('Enter');
  await expect(page.getByRole('button', { name: 'Unsubscribe from two/#' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'Subscribe', exact: true })).toBeFocused();
  await page.getByText('MQTT 5 properties').press('Enter');
  await page.getByRole('button', { name: 'Add a user property' }).press('Enter');
  await page.getByRole('button', { name: 'Remove this user property' }).press('Enter');
  await expect(page.getByRole('button', { name: 'Add a user property' })).toBeFocused();
});

test('has a bar of two lines on a phone, which hides nothing that it leads to', async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await open(page);
  const bar = await page.locator('.top').boundingBox();
  await page.getByRole('link', { name: 'Machine' }).click();
  await expect
    .poll(async () => ((await page.locator('#machines').boundingBox())?.y ?? 0) - (bar?.height ?? Infinity))
    .toBeGreaterThanOrEqual(0);
  // The longest word that the state can have.
  await page.locator('#top-state-text').evaluate((state) => {
    state.textContent = 'Reconnecting';
  });
  expect((await page.locator('.top').boundingBox())?.height).toBe(bar?.height);
});

test('shows which of the folded properties keeps it from publishing', async ({ page }) => {
  await open(page);
  const expiry = page.getByLabel('Expires after (seconds)');
  const fold = page.getByText('MQTT 5 properties');
  await fold.click();
  await expiry.fill('-1');
  await fold.click();
  await expect(expiry).toBeHidden();
  await page.getByRole('button', { name: 'Publish' }).click();
  await expect(expiry).toBeFocused();
  await expect(page.locator('.result')).toHaveCount(0);
  // Firefox would put what is filled in behind the rest.
  await expiry.clear();
  await expiry.fill('60');
  await page.getByRole('button', { name: 'Publish' }).click();
  await expect(page.locator('.result-outcome')).toContainText('(0x10)');
});

test('recovers by itself from a link that was cut, resumes its session and misses nothing', async ({
  page,
}) => {
  test.setTimeout(90_000);
  await open(page);
  await expect(sessionOf(page)).toHaveText('new');

  await withClient(async (client) => {
    const heard: string[] = [];
    await client.subscribe('chat/room/castaway', { qos: 1 }, (message) => {
      heard.push(message.json<{ text: string }>().text);
    });
    const sent = Array.from({ length: 10 }, (_, index) => `bottle ${index}`);
    const send = (texts: string[]) =>
      Promise.all(texts.map((text) => client.publish('chat/room/shore', text, { qos: 1 })));

    const state = page.locator('#state');
    await page.locator('#cut-seconds').fill(String((keepAlive * 1.5) / 1_000 + 4.5));
    await page.getByRole('button', { name: 'Cut the link' }).click();
    await expect(page.locator('#events')).toContainText('The link is cut for 12 s');

    // Half of them while the page has noticed nothing yet, half while it knows.
    await send(sent.slice(0, 5));
    await expect(state).toHaveAttribute('data-state', 'connected');
    await expect(state).not.toHaveAttribute('data-state', 'connected', { timeout: 3 * keepAlive });
    await send(sent.slice(5));
    await say(page, 'castaway', 'Help!');
    await expect(page.locator('.chat-note')).toHaveText(['sending']);
    expect(heard).toEqual([]);

    await expect(state).toHaveAttribute('data-state', 'connected', { timeout: 40_000 });
    await expect(sessionOf(page)).toHaveText('resumed');
    await expect(page.locator('#events')).toContainText('Connected, session resumed');

    await expect(page.locator('.chat-line:not(.own) .chat-text')).toHaveText(sent);
    await expect(page.locator('.chat-note').first()).toHaveText('');
    await waitFor(() => heard.length > 0, { what: 'the message that was written in the gap' });
    expect(heard).toEqual(['Help!']);
  });
});

test('sees a server that is gone at once, and is back when it is', async ({ page }) => {
  await open(page);
  await page.locator('#cut-seconds').fill('60');
  await page.locator('#cut-mode').selectOption('reset');
  await page.getByRole('button', { name: 'Cut the link' }).click();
  await expect(page.locator('#state')).toHaveAttribute('data-state', 'reconnecting');
  await expect(page.locator('#state-note')).toContainText(/Attempt \d+ in \d/);
  await page.getByRole('button', { name: 'Mend it now' }).click();
  await expect(page.locator('#state')).toHaveAttribute('data-state', 'connected', { timeout: 15_000 });
  await expect(sessionOf(page)).toHaveText('resumed');
});

test('closes and connects when it is told to, and then hears all that it heard before', async ({ page }) => {
  await open(page);
  await subscribe(page, 'demo/echo');
  const tiles = page.locator('.tiles');
  const rows = page.getByRole('list', { name: 'Active subscriptions' }).getByRole('listitem');
  const expectAlive = async (text: string) => {
    const seen = new Set<string>();
    await expect.poll(async () => seen.add(await tiles.innerText()).size).toBeGreaterThan(2);
    await withClient(async (client) => {
      await client.publish('chat/room/anna', text, { qos: 1 });
      await client.publish('demo/echo', text, { qos: 1 });
    });
    await expect(chat(page, text)).toHaveCount(1);
    await expect(page.locator('#messages .payload').getByText(text)).toHaveCount(1);
    await expect(rows).toHaveCount(1);
  };

  await page.getByRole('button', { name: 'Disconnect' }).click();
  await expect(page.locator('#state')).toHaveAttribute('data-state', 'closed');
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await expect(page.locator('#state')).toHaveAttribute('data-state', 'connected');
  await expectAlive('by the button');

  // As when the reader goes elsewhere and comes back: Playwright turns the browser's own cache off.
  const travel = (name: string) =>
    page.evaluate((type) => {
      dispatchEvent(new PageTransitionEvent(type, { persisted: true }));
    }, name);
  await travel('pagehide');
  await expect(page.locator('#state')).toHaveAttribute('data-state', 'closed');
  await travel('pageshow');
  await expect(page.locator('#state')).toHaveAttribute('data-state', 'connected');
  await expectAlive('from the cache');

  await page.getByRole('button', { name: 'Unsubscribe from demo/echo' }).click();
  await expect(rows).toHaveCount(0);
});

test('marks the machine offline by its will when its process is killed', async ({ page, context }) => {
  await open(page);
  const badge = (tab: Page) => tab.locator('.machine .badge').first();
  await expect(badge(page)).toHaveText('online');
  const { machinePid: pid } = await processesOf(demo);
  await page.getByRole('button', { name: 'Kill the process' }).click();
  await expect(badge(page)).toHaveText('offline');
  // Its connection ends before its parent has noticed.
  await waitFor(() => !isAlive(pid), { what: 'the end of the process' });
  // Retained: who comes later learns it too.
  const later = await openTab(context);
  await expect(badge(later)).toHaveText('offline');
  await page.getByRole('button', { name: 'Start it' }).click();
  await expect(badge(page)).toHaveText('online', { timeout: 15_000 });
  await expect(badge(later)).toHaveText('online');
});

test('signs in as it is told to, says why it was refused, and goes back to the defaults', async ({
  page,
}) => {
  const problems = watchProblems(page);
  await open(page);
  await page.getByText('Connect in another way').click();
  await expect(page.getByLabel('Password', { exact: true })).toBeHidden();
  await page.getByRole('combobox', { name: 'Sign in' }).selectOption('With SCRAM-SHA-256');
  await page.getByLabel('User name').fill('tide');
  await page.getByLabel('Password', { exact: true }).fill('tide');
  await connectLikeThis(page);
  await expect(page.locator('#state')).toHaveAttribute('data-state', 'connected');
  await expect(page.locator('.packet-type').filter({ hasText: 'AUTH' }).first()).toBeVisible();

  await page.getByRole('combobox', { name: 'Sign in' }).selectOption('With a password');
  await page.getByLabel('Password', { exact: true }).fill('ebb');
  await connectLikeThis(page);
  await expect(page.locator('#state')).toHaveAttribute('data-state', 'closed');
  await expect(page.locator('#state-note')).toContainText('user name or password is wrong');

  await page
    .getByLabel('Server', { exact: true })
    .fill(new URL('/#x', demo.pageUrl).href.replace('http', 'ws'));
  await connectLikeThis(page);
  await expect(page.locator('#events')).toContainText('Not as you chose: UsageError');

  await page.getByRole('button', { name: 'Back to the defaults' }).click();
  await expect(page.getByLabel('Server', { exact: true })).toBeHidden();
  await expect(page.locator('#state')).toHaveAttribute('data-state', 'connected');
  expect(problems).toEqual([]);
});

test('keeps its session over a reload, and sends what the page before it could not', async ({ page }) => {
  const problems = watchProblems(page);
  await open(page);
  await page.getByText('Connect in another way').click();
  await page.getByRole('combobox', { name: 'Session' }).selectOption('Survives a reload (IndexedDB)');
  await connectLikeThis(page);
  await expect(page.locator('#state')).toHaveAttribute('data-state', 'connected');

  const topic = 'demo/reload';
  await withClient(async (client) => {
    const heard: string[] = [];
    await client.subscribe(topic, { qos: 2 }, (message) => {
      heard.push(message.text());
    });
    await page.getByRole('slider').fill('60');
    await page.getByRole('button', { name: 'Cut the link' }).click();
    await expect(page.locator('#cut-countdown')).toContainText('Cut for');
    await page.getByLabel('Topic', { exact: true }).fill(topic);
    await page.getByRole('textbox', { name: 'Payload', exact: true }).fill('over the reload');
    await page.getByRole('button', { name: 'Publish', exact: true }).click();
    await expect(page.locator('.result-outcome')).toHaveText('on its way');
    expect(heard).toEqual([]);
    await page.reload();
    await waitFor(() => heard.length > 0, { what: 'the message of the page before', timeout: 10_000 });
    await expect(page.locator('#events')).toContainText('A message of an earlier page has arrived');
    await expect(sessionOf(page)).toHaveText('resumed');
    expect(heard).toEqual(['over the reload']);
  });
  expect(problems).toEqual([]);
});

test('says so when there is no process to kill, and when there is no need to start one', async ({ page }) => {
  await open(page);
  const note = page.locator('#machine-note');
  await page.getByRole('button', { name: 'Start it' }).click();
  await expect(note).toHaveText('The process is running.');
  await page.getByRole('button', { name: 'Kill the process' }).click();
  await expect(note).toHaveText('');
  await expect(page.locator('.badge')).toHaveText('offline');
  await page.getByRole('button', { name: 'Kill the process' }).click();
  await expect(note).toHaveText('No process is running.');
  await page.getByRole('button', { name: 'Start it' }).click();
  await expect(page.locator('.badge')).toHaveText('online', { timeout: 15_000 });
  await expect(note).toHaveText('');
});

test('chooses other ports when they are taken, says so, and ends with all that it started', async ({
  page,
}) => {
  const taken = [demo.pageUrl, demo.mqttUrl].map((url) => Number(new URL(url).port));
  const [port = 0, mqttPort = 0] = taken;
  const second = await startDemo({ port, mqttPort, wsPort: await getPort() });
  try {
    const chosen = Number(new URL(second.pageUrl).port);
    expect(chosen).not.toBe(port);
    expect(second.output()).toContain(`Port ${port} for page is taken, using ${chosen}.`);
    expect(second.output()).toContain(
      `Port ${mqttPort} for MQTT is taken, using ${new URL(second.mqttUrl).port}.`,
    );
    await open(page, second.pageUrl);
    await expect(page.locator('.machine .badge')).toHaveText('online');

    const { machinePid: pid } = await processesOf(second);
    await withClient(async (client) => {
      const states = await statesOfMachine(client);
      second.process.kill('SIGINT');
      // While there is still a broker to hear it.
      await waitFor(() => states.includes('offline'), { what: "the machine's good-bye" });
    }, second);
    await exitOf(second);
    expect(isAlive(pid)).toBe(false);
  } finally {
    await stopDemo(second);
  }
});

test('leaves no process behind when it is killed', async () => {
  const second = await startDemo(await freePorts());
  try {
    await withClient(async (client) => {
      await statesOfMachine(client);
    }, second);
    const { pid: parent, machinePid: pid } = await processesOf(second);
    process.kill(parent, 'SIGKILL');
    await waitFor(() => !isAlive(pid), { what: 'the end of the machine process', timeout: 10_000 });
  } finally {
    await stopDemo(second);
  }
});

interface Ports {
  readonly port: number;
  readonly mqttPort: number;
  readonly wsPort: number;
}

async function freePorts(): Promise<Ports> {
  return { port: await getPort(), mqttPort: await getPort(), wsPort: await getPort() };
}

/** Starts the demo as `npm start` does once everything is built. */
async function startDemo({ port, mqttPort, wsPort }: Ports): Promise<Demo> {
  const child = spawn(
    process.execPath,
    [
      fileURLToPath(import.meta.resolve('tsx/cli')),
      'demo/start.ts',
      `--port=${port}`,
      `--mqtt-port=${mqttPort}`,
      `--ws-port=${wsPort}`,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  try {
    const [, pageUrl = '', mqttUrl = ''] = await waitFor(
      () => {
        if (child.exitCode !== null) throw new Error('it has ended');
        return /mqtide demo: (\S+)[\s\S]*MQTT over TCP\s+(\S+)[\s\S]*Ctrl-C/.exec(output);
      },
      { what: 'the address that the demo prints', timeout: 20_000 },
    );
    return { process: child, output: () => output, pageUrl, mqttUrl };
  } catch (error) {
    child.kill();
    throw new Error(`The demo did not start:\n${output}`, { cause: error });
  }
}

async function stopDemo(running: Demo | undefined): Promise<void> {
  if (running === undefined || running.process.exitCode !== null || running.process.signalCode !== null)
    return;
  running.process.kill('SIGTERM');
  await exitOf(running);
}

async function exitOf({ process: child }: Demo): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** Opens the page, and waits until it is connected and has seen the machine. */
async function open(page: Page, url = demo.pageUrl): Promise<void> {
  await page.goto(url);
  await expect(page.locator('#state')).toHaveAttribute('data-state', 'connected');
  await expect(page.locator('.machine').first()).toBeVisible();
}

async function openTab(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  await open(page);
  return page;
}

async function subscribe(page: Page, filter: string): Promise<void> {
  await page.getByLabel('Filter').fill(filter);
  await page.getByLabel('Filter').press('Enter');
  await expect(page.getByRole('button', { name: `Unsubscribe from ${filter}` })).toBeVisible();
}

async function say(page: Page, name: string, text: string): Promise<void> {
  await page.getByLabel('Your name').fill(name);
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

/** Sends the form that says how to connect, and waits for the page that does. */
async function connectLikeThis(page: Page): Promise<void> {
  const loaded = page.waitForEvent('load');
  await page.getByRole('button', { name: 'Connect like this' }).click();
  await loaded;
}

/** What the page says about its session. */
function sessionOf(page: Page) {
  return page.locator('#connection-facts div').filter({ hasText: 'Session' }).locator('dd');
}

function chat(page: Page, text: string) {
  return page.locator('.chat-line').filter({ hasText: text });
}

/** What the page itself has to complain about, violations of its policy among it. */
function watchProblems(page: Page): string[] {
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
  });
  return problems;
}

/** Another client of the demo's broker, over TCP. */
async function withClient(use: (client: Client) => Promise<void>, { mqttUrl } = demo): Promise<void> {
  const { connect } = await import('mqtide');
  const client = await connect(mqttUrl);
  try {
    await use(client);
  } finally {
    await client.close({ force: true });
  }
}

/** Waits for the machine to be online, and goes on collecting its states. */
async function statesOfMachine(client: Client): Promise<readonly string[]> {
  const states: string[] = [];
  await client.subscribe('machine/+host/state', { qos: 1 }, (message) => {
    states.push(message.text());
  });
  await waitFor(() => states.includes('online'), { what: 'the machine' });
  return states;
}

/** The processes behind a demo: its own, which tsx has started, and the one that publishes the figures. */
async function processesOf({ pageUrl }: Demo): Promise<{ pid: number; machinePid: number }> {
  const response = await fetch(new URL('/demo.json', pageUrl));
  return (await response.json()) as { pid: number; machinePid: number };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
