import { describe, expect, test, vi } from 'vitest';
import type { AuthenticationData, ClientOptions, EnhancedAuth } from '../../../src/index';
import { MqttError, ProtocolError } from '../../../src/index';
import { connected, fakeTime, idle, watch } from '../../support/fake-client';
import { type Answer, FakeServer, type PacketOf, turn } from '../../support/fake-server';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array | undefined) => data && new TextDecoder().decode(data);

const auth = (reasonCode: number, data?: string, method = 'TEST') =>
  ({
    type: 'auth',
    reasonCode,
    properties: { authenticationMethod: method, authenticationData: data && bytes(data) },
  }) as PacketOf<'auth'>;

const connack = (data?: string, method: string | undefined = 'TEST') =>
  ({
    type: 'connack',
    sessionPresent: false,
    reasonCode: 0,
    properties: { authenticationMethod: method, authenticationData: data && bytes(data) },
  }) as PacketOf<'connack'>;

/** A method that says what it was asked. */
class TestAuth implements EnhancedAuth {
  readonly method = 'TEST';
  readonly log: string[] = [];

  start(): AuthenticationData {
    this.log.push('start');
    return bytes('first');
  }

  challenge(data?: Uint8Array): AuthenticationData {
    this.log.push(`challenge ${text(data)}`);
    return bytes(`answer to ${text(data)}`);
  }

  success(data?: Uint8Array): void | Promise<void> {
    this.log.push(`success ${text(data)}`);
  }
}

/** A server that asks two questions before it accepts, and one on re-authentication. */
function asking(): FakeServer {
  return new FakeServer({
    connect: () => auth(0x18, 'one'),
    auth(packet): Answer {
      if (packet.reasonCode === 0x19) return auth(0x18, 'again');
      const answer = text(packet.properties?.authenticationData);
      if (answer === 'answer to one') return auth(0x18, 'two');
      return answer === 'answer to again' ? auth(0, 'renewed') : connack('proof');
    },
  });
}

function open(options: ClientOptions = {}, server: FakeServer = asking()) {
  const method = new TestAuth();
  return { method, ...idle({ authenticate: method, ...options }, server) };
}

describe('enhanced authentication', () => {
  test('answers each AUTH of the server with AUTH 0x18 and its method [v5 MQTT-4.12.0-3, v5 MQTT-4.12.0-5]', async () => {
    const { client, server, method } = open();
    await client.connect();
    expect(method.log).toEqual(['start', 'challenge one', 'challenge two', 'success proof']);
    expect(server.link.types).toEqual(['connect', 'auth', 'auth']);
    const { properties } = server.link.connect;
    expect([properties?.authenticationMethod, text(properties?.authenticationData)]).toEqual([
      'TEST',
      'first',
    ]);
    expect(
      server.link
        .packets('auth')
        .map(({ reasonCode, properties }) => [
          reasonCode,
          properties?.authenticationMethod,
          text(properties?.authenticationData),
        ]),
    ).toEqual([
      [0x18, 'TEST', 'answer to one'],
      [0x18, 'TEST', 'answer to two'],
    ]);
  });

  test('lets nothing but AUTH out before CONNACK [v5 MQTT-3.1.2-30]', async () => {
    const server = asking();
    const script = { ...server.script };
    server.script = { connect: script.connect as never };
    const { client } = open({}, server);
    const publishes = [client.publish('a', '0'), client.publish('a', '1', { qos: 1 })];
    const subscribed = client.subscribe('a');
    const connecting = client.connect();
    await turn();
    server.script = script;
    const [question] = server.link.packets('auth');
    expect(server.link.types).toEqual(['connect', 'auth']);
    server.link.send(...([script.auth?.(question as never, server.link)].flat() as never[]));
    await connecting;
    await Promise.all([...publishes, subscribed]);
    expect(server.link.types.slice(0, 3)).toEqual(['connect', 'auth', 'auth']);
  });

  test('begins anew on each connection', async () => {
    const { client, server, method } = open({ reconnect: { minDelay: 0, maxDelay: 0 } });
    await client.connect();
    server.link.drop();
    await vi.waitFor(() => expect(server.links).toHaveLength(2));
    await client.connect();
    expect(method.log.filter((line) => line === 'start')).toHaveLength(2);
    expect(server.link.types.slice(0, 3)).toEqual(['connect', 'auth', 'auth']);
  });

  test('connects only once the server has proved itself; what came before waits', async () => {
    let prove: (() => void) | undefined;
    const method = new TestAuth();
    method.success = () =>
      new Promise((resolve) => {
        prove = resolve;
      });
    const { client, server } = idle({ authenticate: method }, asking());
    const messages: string[] = [];
    client.on('message', ({ topic }) => messages.push(topic));
    const connecting = watch(client.connect());
    await turn();
    server.link.publish('early');
    await turn();
    expect([connecting.state, client.status.type, messages]).toEqual(['pending', 'connecting', []]);
    prove?.();
    await turn();
    expect([connecting.state, client.status.type, messages]).toEqual(['resolved', 'connected', ['early']]);
  });

  test('works without success and without data', async () => {
    const method: EnhancedAuth = { method: 'TEST', start: () => undefined, challenge: () => undefined };
    const server = new FakeServer({ connect: () => auth(0x18), auth: () => connack() });
    const { client } = idle({ authenticate: method }, server);
    await client.connect();
    expect(server.link.connect.properties?.authenticationData).toBeUndefined();
    expect(server.link.first('auth').properties?.authenticationData).toBeUndefined();
  });

  test('is covered by connectTimeout in every step', async () => {
    for (const step of ['start', 'challenge', 'success'] as const) {
      fakeTime();
      const method = new TestAuth();
      method[step] = () => new Promise<never>(() => undefined);
      const { client, server } = idle({ authenticate: method, connectTimeout: 100 }, asking());
      const connecting = watch(client.connect());
      await vi.advanceTimersByTimeAsync(100);
      expect(connecting.error).toMatchObject({ code: 'timeout' });
      expect(server.links.every(({ isOpen }) => !isOpen)).toBe(true);
      vi.useRealTimers();
    }
  });
});

describe('an exchange that fails', () => {
  const mine = new Error('wrong signature');

  test.each(['challenge', 'success'] as const)(
    'in %s ends the connection, and the client: it would fail again',
    async (step) => {
      for (const fails of [
        () => {
          throw mine;
        },
        () => Promise.reject(mine),
      ]) {
        const method = new TestAuth();
        method[step] = fails as never;
        const { client, server } = idle({ authenticate: method, reconnect: { initial: true } }, asking());
        const error: unknown = await client.connect().catch((error: unknown) => error);
        expect(error).toBeInstanceOf(MqttError);
        expect(error).toMatchObject({ message: expect.stringContaining('wrong signature'), cause: mine });
        expect(client.status).toEqual({ type: 'closed', error });
        expect(server.links).toHaveLength(1);
        // 0x80: that a client sends 0x87 the specification does not provide for.
        expect(server.link.last('disconnect').reasonCode).toBe(0x80);
        expect(server.link.connection.endedBy).toBe('close');
      }
    },
  );

  test('with an error of ours keeps it', async () => {
    const failure = new ProtocolError('no proof', 'authentication-failed', 0x87);
    const method = new TestAuth();
    method.success = () => Promise.reject(failure);
    const { client } = idle({ authenticate: method }, asking());
    await expect(client.connect()).rejects.toBe(failure);
  });

  test('in start fails the attempt, as credentials do', async () => {
    const method = new TestAuth();
    const start = vi.spyOn(method, 'start');
    const { client, server } = idle(
      { authenticate: method, reconnect: { minDelay: 0, maxDelay: 0 } },
      asking(),
    );
    start.mockImplementationOnce(() => Promise.reject(mine));
    await expect(client.connect()).rejects.toMatchObject({ name: 'ConnectionError', cause: mine });
    expect(server.attempts).toEqual([]);
    await client.connect();
    start.mockImplementationOnce(() => {
      throw mine;
    });
    server.link.drop();
    await vi.waitFor(() => expect(server.links).toHaveLength(2));
    await client.connect();
    expect(start).toHaveBeenCalledTimes(4);
  });

  test.each(['start', 'challenge'] as const)(
    'with a %s that gives no bytes fails with a UsageError',
    async (step) => {
      const method = new TestAuth();
      method[step] = () => 'text' as never;
      const { client } = idle({ authenticate: method }, asking());
      await expect(client.connect()).rejects.toMatchObject({ name: 'UsageError' });
      expect(client.status.type).toBe('closed');
    },
  );

  test('because the server refuses is told as such', async () => {
    const server = new FakeServer({
      connect: () => auth(0x18, 'one'),
      auth: () => ({ type: 'connack', sessionPresent: false, reasonCode: 0x8c }),
    });
    const { client } = open({}, server);
    await expect(client.connect()).rejects.toMatchObject({
      code: 'bad-authentication-method',
      reasonCode: 0x8c,
    });
  });
});

describe('a server that breaks the rules of authentication', () => {
  const ways: [name: string, server: () => FakeServer][] = [
    ['AUTH with another method', () => new FakeServer({ connect: () => auth(0x18, 'one', 'OTHER') })],
    ['CONNACK with another method', () => new FakeServer({ connect: () => connack('proof', 'OTHER') })],
    ['AUTH with success before CONNACK', () => new FakeServer({ connect: () => auth(0) })],
    ['AUTH with 0x19', () => new FakeServer({ connect: () => auth(0x19) })],
    [
      'questions without waiting for answers',
      () => new FakeServer({ connect: () => [auth(0x18, 'one'), auth(0x18, 'two')] }),
    ],
    [
      'CONNACK without waiting for an answer',
      () => new FakeServer({ connect: () => [auth(0x18, 'one'), connack()] }),
    ],
  ];

  test.each(ways)('by %s fails the connection with a ProtocolError', async (_, server) => {
    const { client, server: fake } = open({}, server());
    await expect(client.connect()).rejects.toMatchObject({ name: 'ProtocolError', reasonCode: 0x82 });
    expect(fake.link.last('disconnect').reasonCode).toBe(0x82);
    expect(fake.link.isOpen).toBe(false);
  });

  test('by AUTH to a client without a method fails too, and is not answered [v5 MQTT-4.12.0-7]', async () => {
    for (const packet of [auth(0x18, 'one'), connack('proof')]) {
      const { client, server } = idle({}, new FakeServer({ connect: () => packet }));
      await expect(client.connect()).rejects.toMatchObject({ name: 'ProtocolError' });
      expect(server.link.types).toEqual(['connect', 'disconnect']);
    }
  });

  test('by AUTH on a connection where nobody authenticates ends it', async () => {
    const { client, server } = open();
    await client.connect();
    server.link.send(auth(0x18, 'one'));
    await turn();
    expect(server.links[0]?.last('disconnect').reasonCode).toBe(0x82);
  });
});

test('an answer that comes after the end of its connection is none to the next', async () => {
  const answers: ((data: Uint8Array) => void)[] = [];
  const authenticate = {
    method: 'TEST',
    start: () => undefined,
    challenge: () => new Promise<Uint8Array>((resolve) => answers.push(resolve)),
  };
  const { client, server } = await connected(
    { authenticate, reconnect: { minDelay: 0, maxDelay: 0 } },
    new FakeServer({ connect: () => connack(), auth: () => undefined }),
  );
  watch(client.reauthenticate());
  await turn();
  server.link.send(auth(0x18, 'question'));
  await turn();
  server.link.drop();
  await vi.waitFor(() => expect(server.links).toHaveLength(2));
  await client.connect();
  answers[0]?.(bytes('late'));
  await turn();
  expect(answers).toHaveLength(1);
  expect(server.link.types).toEqual(['connect']);
});

describe('reauthenticate', () => {
  test('rejects while the client connects', async () => {
    const { client } = idle({ authenticate: new TestAuth() }, new FakeServer({ connect: () => undefined }));
    watch(client.connect());
    await turn();
    await expect(client.reauthenticate()).rejects.toMatchObject({ code: 'closed' });
  });

  test('sends AUTH 0x19 with the method of CONNECT, and goes on as before [v5 MQTT-4.12.1-1]', async () => {
    const { client, server, method } = open();
    await client.connect();
    method.log.length = 0;
    const [first, second] = [client.reauthenticate(), client.reauthenticate()];
    await Promise.all([first, second]);
    expect(method.log).toEqual(['start', 'challenge again', 'success renewed']);
    expect(
      server.link
        .packets('auth')
        .slice(2)
        .map(({ reasonCode, properties }) => [
          reasonCode,
          properties?.authenticationMethod,
          text(properties?.authenticationData),
        ]),
    ).toEqual([
      [0x19, 'TEST', 'first'],
      [0x18, 'TEST', 'answer to again'],
    ]);
    expect(client.status.type).toBe('connected');
    await client.reauthenticate();
    expect(server.links).toHaveLength(1);
  });

  test('does not hold up messages', async () => {
    const { client, server } = open();
    await client.connect();
    server.script = {};
    const again = watch(client.reauthenticate());
    await client.publish('a', 'b', { qos: 1 });
    expect(again.state).toBe('pending');
  });

  test.each(['start', 'challenge', 'success'] as const)(
    'that fails in %s rejects and ends the connection with DISCONNECT [v5 MQTT-4.12.1-2]',
    async (step) => {
      const { client, server, method } = open();
      await client.connect();
      vi.spyOn(method, step).mockRejectedValue(new Error('no more') as never);
      await expect(client.reauthenticate()).rejects.toMatchObject({
        message: expect.stringContaining('no more'),
      });
      expect(server.link.last('disconnect').reasonCode).toBe(0x80);
      await turn();
      // What could not begin may begin the next time; a server that failed would fail again.
      expect(client.status).toMatchObject({
        type: step === 'start' ? 'reconnecting' : 'closed',
        error: { cause: { message: 'no more' } },
      });
    },
  );

  test('that the server refuses rejects', async () => {
    const { client, server } = open();
    await client.connect();
    server.script = { auth: () => ({ type: 'disconnect', reasonCode: 0x87 }) };
    await expect(client.reauthenticate()).rejects.toMatchObject({ code: 'not-authorized' });
    await turn();
    expect(client.status).toMatchObject({ type: 'closed', error: { code: 'not-authorized' } });
  });

  test('rejects when the connection is lost or closed meanwhile', async () => {
    for (const end of ['drop', 'close'] as const) {
      const { client, server } = open();
      await client.connect();
      server.script = {};
      const again = watch(client.reauthenticate());
      await turn();
      if (end === 'drop') server.link.drop();
      else await client.close({ force: true });
      await turn();
      expect(again.error).toMatchObject({
        name: 'ConnectionError',
        code: end === 'drop' ? 'lost' : 'closed',
      });
    }
  });

  test.each(['start', 'challenge', 'success', 'the server'] as const)(
    'has connectTimeout: when %s never answers it rejects, and the connection is made anew',
    async (step) => {
      fakeTime();
      const { client, server, method } = open({
        connectTimeout: 5_000,
        keepAlive: 0,
        reconnect: { minDelay: 0, maxDelay: 0 },
      });
      await client.connect();
      const { link, script } = server;
      if (step === 'the server') server.script = {};
      else vi.spyOn(method, step).mockReturnValueOnce(new Promise<never>(() => undefined));
      const both = [watch(client.reauthenticate()), watch(client.reauthenticate())];
      await vi.advanceTimersByTimeAsync(4_999);
      expect(both.map(({ state }) => state)).toEqual(['pending', 'pending']);
      server.script = script;
      await vi.advanceTimersByTimeAsync(1);
      for (const { error } of both) expect(error).toMatchObject({ name: 'ConnectionError', code: 'timeout' });
      expect(link.isOpen).toBe(false);
      await vi.waitFor(() => expect(client.status.type).toBe('connected'));
      await client.reauthenticate();
      // What is over in time ends nothing later.
      await vi.advanceTimersByTimeAsync(10_000);
      expect(server.links).toHaveLength(2);
    },
  );

  test('rejects without authenticate, without a connection, and sends nothing [v5 MQTT-4.12.0-7]', async () => {
    const plain = await connected();
    await expect(plain.client.reauthenticate()).rejects.toMatchObject({ name: 'UsageError' });
    expect(plain.server.link.types).toEqual(['connect']);
    const { client } = open();
    await expect(client.reauthenticate()).rejects.toMatchObject({ name: 'ConnectionError', code: 'closed' });
    await client.connect();
    await client.close();
    await expect(client.reauthenticate()).rejects.toMatchObject({ code: 'closed' });
  });
});
