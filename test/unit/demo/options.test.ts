import { describe, expect, test } from 'vitest';
import { readOptions } from '../../../demo/options';

describe('the options of npm start', () => {
  test('are loopback and the well-known ports when nothing is said', () => {
    expect(readOptions([], {})).toEqual({
      host: '127.0.0.1',
      port: 8080,
      mqttPort: 1883,
      wsPort: 8083,
      help: false,
    });
  });

  test('come from flags first, then from PORT', () => {
    expect(readOptions([], { PORT: '9000' }).port).toBe(9000);
    expect(readOptions(['--port', '9001'], { PORT: '9000' }).port).toBe(9001);
    expect(readOptions(['--mqtt-port', '0', '--ws-port=7', '--host', '::1'], {})).toMatchObject({
      host: '::1',
      mqttPort: 0,
      wsPort: 7,
    });
  });

  test.each(['', 'x', '-1', '65536', '80.5'])('refuse the port "%s" by the name of its flag', (port) => {
    expect(() => readOptions([`--ws-port=${port}`], {})).toThrow('--ws-port takes a port');
  });

  test('refuse a flag that does not exist, and say which do', () => {
    expect(() => readOptions(['--open'], {})).toThrow(/--open[\s\S]*--mqtt-port/);
  });
});
