import { describe, expect, test } from 'vitest';
import { readings, topicLevel } from '../../../demo/figures';

describe("this machine's figures", () => {
  test('are published under topics that hold no wildcard and no empty level', async () => {
    const figures = (await Promise.all(readings.map(({ take }) => take()))).flat();
    const topics = figures.map(({ topic }) => topic);
    expect(topics).toContain('cpu/0');
    expect(topics).toContain('memory');
    expect(topics).toContain('uptime');
    expect(topics.filter((topic) => !/^[^/+#\0]+(\/[^/+#\0]+)?$/.test(topic))).toEqual([]);
  });

  test.each([
    ['/', ''],
    ['/mnt/data', 'mnt-data'],
    ['C:', 'C:'],
    ['a+b#c', 'a-b-c'],
  ])('name the mount point %s as the topic level "%s"', (mount, level) => {
    expect(topicLevel(mount)).toBe(level);
  });
});
