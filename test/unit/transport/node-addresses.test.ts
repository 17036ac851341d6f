import { type AddressInfo, createServer, Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { nodeWebSocketTransport } from '../../../src/transport/node-websocket';
import { tcpTransport } from '../../../src/transport/tcp';

/** A port where nobody listens. */
async function deafPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test.each(['mqtt', 'mqtts', 'ws', 'wss'])(
  'each address of a name has the time that a lost packet takes to be sent again, and more (%s:)',
  async (scheme) => {
    const connect = vi.spyOn(Socket.prototype, 'connect');
    onTestFinished(() => connect.mockRestore());
    const transport = scheme.startsWith('ws') ? nodeWebSocketTransport() : tcpTransport();
    const { signal } = new AbortController();
    const url = new URL(`${scheme}://127.0.0.1:${await deafPort()}`);
    await expect(transport.connect(url, { signal, protocols: ['mqtt'] })).rejects.toMatchObject({
      code: 'unreachable',
    });
    const given: unknown[] = connect.mock.calls.flat(2);
    expect(given).toContainEqual(expect.objectContaining({ autoSelectFamilyAttemptTimeout: 2_000 }));
  },
);
