import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseInfo, productOf, vitalsOf } from '../../../src/adapters/redis/info.ts';
import { requirepass } from '../../../src/adapters/redis/settings.ts';

const field = fc.stringMatching(/^[a-z][a-z0-9_]{0,20}$/);
const value = fc.string().map((text) => text.replace(/[\r\n]/g, ''));

describe('INFO', () => {
  test('must give back every field, in whatever sections and line ends', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(field, value), { selector: ([name]) => name }),
        fc.constantFrom('\n', '\r\n'),
        (fields, end) => {
          const text = fields.map(([name, content]) => `# Section${end}${end}${name}:${content}${end}`).join('');
          expect([...parseInfo(text)]).toEqual(fields);
        },
      ),
    );
  });
  test('must give sound figures from whatever a server says', () => {
    const names = [
      'maxmemory',
      'used_memory',
      'rdb_last_save_time',
      'uptime_in_seconds',
      'keyspace_hits',
      'db0',
      'db1',
    ];
    const line = fc
      .tuple(fc.constantFrom(...names), fc.oneof(value, fc.integer().map(String), fc.constant('keys=9')))
      .map(([name, text]) => `${name}:${text}\r\n`);
    fc.assert(
      fc.property(fc.array(fc.oneof(line, fc.string())), (lines) => {
        const vitals = vitalsOf(parseInfo(lines.join('')), { product: 'redis', version: '7' }, 1);
        for (const figure of [vitals.memory, vitals.maxMemory, vitals.keys, vitals.hits, vitals.uptimeSeconds]) {
          if (figure === undefined || figure === null) continue;
          expect(figure).toBeGreaterThanOrEqual(0);
          expect(Number.isFinite(figure)).toBe(true);
        }
        const { rdbLastSaveAt: at } = vitals.persistence;
        if (at !== undefined) expect(new Date(at).toISOString()).toBe(at);
      }),
    );
  });
  test('must not make up what the server does not tell', () => {
    const untold = vitalsOf(
      parseInfo('redis_version:7\r\nused_memory:\r\nevicted_keys:many\r\n'),
      { product: 'redis', version: '7' },
      1,
    );
    for (const field of ['memory', 'maxMemory', 'evictedKeys', 'hits', 'misses', 'clients'] as const)
      expect(untold[field]).toBeUndefined();
    expect(untold.persistence).toEqual({ loading: false });
    const told = parseInfo('maxmemory:0\r\nused_memory:0\r\n');
    expect(vitalsOf(told, { product: 'redis', version: '7' }, 1)).toMatchObject({ maxMemory: null, memory: 0 });
  });
  test('must tell Valkey by its own version', () => {
    expect(productOf(parseInfo('redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\n'))).toEqual({
      product: 'valkey',
      version: '8.1.1',
    });
    expect(productOf(parseInfo('redis_version:7.0.15\r\n'))).toEqual({ product: 'redis', version: '7.0.15' });
    expect(productOf(parseInfo('-ERR what?'))).toBeUndefined();
  });
  test('must add up the keys of all databases', () => {
    const info = parseInfo('db0:keys=12,expires=3,avg_ttl=0\r\ndb15:keys=30,expires=0\r\ndbx:keys=5\r\n');
    expect(vitalsOf(info, { product: 'redis', version: '7' }, 1).keys).toBe(42);
  });
});

test.each<[string[], Record<string, string>, string | undefined]>([
  [['docker-entrypoint.sh', 'redis-server', '--requirepass', 'two words'], {}, 'two words'],
  [['sh', '-c', 'redis-server --requirepass "$REDIS_PASSWORD" --appendonly yes'], { REDIS_PASSWORD: 'given' }, 'given'],
  [['sh', '-c', 'redis-server --requirepass ${P}'], { P: 'given' }, 'given'],
  [['redis-stack-server'], { REDIS_ARGS: "--save '' --requirepass 'given'" }, 'given'],
  [['redis-server', '--requirepass', ''], {}, undefined],
  [['redis-server', '--requirepass'], {}, undefined],
  [['redis-server', '/etc/redis.conf'], {}, undefined],
])('the password of %j must be found', (command, environment, expected) => {
  expect(requirepass({ command, environment })).toBe(expected);
});
