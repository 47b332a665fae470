import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { bareConfig, type ConfigRequest, findConfig, type LoadedConfig, loadConfig } from '../../../src/config/load.ts';
import type { OpsError } from '../../../src/core/errors.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), 'opsctl-config-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const MINIMAL = 'environments:\n  production:\n    compose: { project: shop }\n';
let count = 0;

function folder(text?: string | Uint8Array): string {
  count += 1;
  const directory = path.join(root, count.toString());
  mkdirSync(directory);
  if (text !== undefined) writeFileSync(path.join(directory, 'opsctl.yaml'), text);
  return directory;
}

function load(text: string | Uint8Array, more: Partial<ConfigRequest> = {}): LoadedConfig {
  const cwd = folder(text);
  return loadConfig({ cwd, home: path.join(root, 'nobody'), env: {}, ...more });
}

/** The error's lines, as a person reads them. */
function mistakes(text: string | Uint8Array, more: Partial<ConfigRequest> = {}): string[] {
  try {
    load(text, more);
  } catch (thrown) {
    const error = thrown as OpsError;
    expect(error.exit).toBe(2);
    return [error.message, ...((error.details?.['mistakes'] as string[] | undefined) ?? [])];
  }
  return [];
}

describe('a mistake is named with line, column and what to write', () => {
  const env = (inside: string): string => `environments:\n  production:\n    compose: { project: shop }\n${inside}`;
  test.each([
    [
      'a misspelt key',
      env('    services:\n      api:\n        helth: http://x'),
      'opsctl.yaml:6:9: environments.production.services.api.helth: unknown key; did you mean health?',
    ],
    [
      'a key that resembles none',
      'vrs: 1\nenvironments: { a: { compose: { project: x } }, b: { compose: { project: x } } }\nzzzzzz: 1',
      'opsctl.yaml:3:1: zzzzzz: unknown key; valid here: version, default, contacts, links, environments',
    ],
    [
      'text for a number',
      env('    checks: { timeoutMs: soon }'),
      'opsctl.yaml:4:26: environments.production.checks.timeoutMs: expected a number, found text',
    ],
    [
      'a list for a mapping',
      env('    services: [api]'),
      'opsctl.yaml:4:15: environments.production.services: expected a mapping, found a list',
    ],
    [
      'nothing for a mapping',
      'environments:\n  production:\n',
      'opsctl.yaml:2:14: environments.production: expected a mapping, found nothing',
    ],
    [
      'something missing',
      'environments:\n  production: {}',
      'opsctl.yaml:2:15: environments.production.compose: is missing: expected a mapping',
    ],
    [
      'no URL',
      env('    links: { wiki: wiki.example }'),
      'opsctl.yaml:4:20: environments.production.links.wiki: expected an http:// or https:// URL',
    ],
    [
      'a name with a space',
      env('    services: { "my api": {} }'),
      'opsctl.yaml:4:17: environments.production.services.my api: letters, digits, dot, dash and underscore only',
    ],
    [
      'a database that is nowhere',
      env('    databases: { main: {} }'),
      'opsctl.yaml:4:24: environments.production.databases.main: needs a service or a url',
    ],
    [
      'a kind that is not known',
      env('    loadBalancer: { kind: haproxy }'),
      'opsctl.yaml:4:27: environments.production.loadBalancer.kind: expected nginx',
    ],
    [
      'an empty list of arguments',
      env('    databases: { a: { service: x, password: { command: [] } } }'),
      'opsctl.yaml:4:56: environments.production.databases.a.password.command: must not be an empty list',
    ],
    [
      'an environment that does not exist',
      `default: prodution\n${MINIMAL}`,
      'opsctl.yaml:1:10: default: names no environment of this file; did you mean production?',
    ],
    [
      'a duplicate key',
      `${MINIMAL}    compose: { project: b }`,
      'opsctl.yaml:4:5: the key compose stands here a second time',
    ],
    ['a tab', 'environments:\n\tproduction: 1', 'opsctl.yaml:2:1: a tab in the indentation; use spaces'],
    [
      'an alias without an anchor',
      'environments: *all',
      'opsctl.yaml:1:15: the alias *all has no anchor &all before it',
    ],
    [
      'an alias of itself',
      'environments: &a { production: *a }',
      'opsctl.yaml:1:32: the alias *a is part of what it stands for',
    ],
    [
      'a second document',
      `${MINIMAL}---\na: 1`,
      'opsctl.yaml:4:1: a second document begins; a configuration is one document',
    ],
    ['a tag', 'environments: !!js/function x', 'opsctl.yaml:1:15: a tag that no configuration needs'],
    ['a key that is a list', '? [a]\n: 1', 'opsctl.yaml:1:3: a key that is no plain word'],
    ['__proto__', 'environments:\n  __proto__: { compose: { project: x } }', 'opsctl.yaml:2:3: __proto__: unknown key'],
    [
      'no YAML',
      'environments: [1',
      'opsctl.yaml:1:17: flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    ['an empty file', '', 'opsctl.yaml:1:1: the file is empty'],
    ['only a comment', '# nothing\n', 'opsctl.yaml:1:1: the file is empty'],
    ['a list', '- 1', 'opsctl.yaml:1:1: expected a mapping, found a list'],
    ['no environment', 'environments: {}', 'opsctl.yaml:1:15: environments: needs at least one environment'],
  ])('%s', (_name, text, expected) => {
    expect(mistakes(text)).toContain(expected);
  });

  test('a secret in the wrong place is refused and never repeated', () => {
    const lines = mistakes(
      env(
        '    databases:\n      a: { service: x, password: hunter2 }\n      b: { url: "postgres://app:hunter2@db/app" }\n      c: { url: "postgres://db/app?user=a&password=hunter2" }',
      ),
    );
    expect(lines.join('\n')).not.toContain('hunter2');
    expect(lines[1]).toBe(
      'opsctl.yaml:5:34: environments.production.databases.a.password: expected a reference to a secret, such as { env: NAME }; never the secret itself',
    );
    expect(lines[2]).toContain('databases.b.url: holds a password');
    expect(lines[3]).toContain('databases.c.url: holds a password');
  });

  test('several at once, in the order of their lines', () => {
    expect(
      mistakes(env('    servces: {}\n    databases: { main: { sevice: db, url: { envv: X } } }\n    volumes: data')),
    ).toEqual([
      'opsctl.yaml has 4 mistakes',
      'opsctl.yaml:4:5: environments.production.servces: unknown key; did you mean services?',
      'opsctl.yaml:5:26: environments.production.databases.main.sevice: unknown key; did you mean service?',
      'opsctl.yaml:5:45: environments.production.databases.main.url.envv: unknown key; did you mean env?',
      'opsctl.yaml:6:14: environments.production.volumes: expected a list, found text',
    ]);
  });

  test('a mistake behind an alias or a merged mapping still has its place', () => {
    const text =
      'environments:\n  a: &a { compose: { project: x }, checks: { timeoutMs: no } }\n  b: { <<: *a, protected: maybe }';
    const lines = mistakes(text);
    expect(lines).toContain('opsctl.yaml:2:57: environments.a.checks.timeoutMs: expected a number, found text');
    expect(lines).toContain('opsctl.yaml:2:57: environments.b.checks.timeoutMs: expected a number, found text');
    expect(lines).toContain('opsctl.yaml:3:27: environments.b.protected: expected true or false, found text');
  });
});

describe('files that are no configuration', () => {
  test.each<[string, string | Uint8Array, string]>([
    [
      'binary',
      Uint8Array.of(0x61, 0x3a, 0x20, 0, 0xff),
      'opsctl.yaml:1:4: a byte that no text file has; save the file as UTF-8 text',
    ],
    ['UTF-16', Buffer.from('\ufeffa: 1', 'utf16le'), 'opsctl.yaml:1:1: the file is UTF-16; save it as UTF-8'],
    ['larger than 1 MiB', 'a'.repeat(1_048_577), 'opsctl.yaml:1:1: larger than 1 MiB, which no configuration is'],
    ['51 levels deep', '['.repeat(60) + ']'.repeat(60), 'opsctl.yaml:1:52: nested more than 50 levels deep'],
  ])('%s', (_name, text, expected) => {
    expect(mistakes(text)).toEqual([expected]);
  });

  test.each<[string, string]>([
    ['brackets without end', '['.repeat(100_000)],
    ['mappings without end', Array.from({ length: 1400 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
    [
      '150,000 keys',
      Array.from({ length: 150_000 }, (_, key) => `k${key.toString()}:`)
        .join('\n')
        .slice(0, 1_048_576),
    ],
    ['500,000 items', `[${'1,'.repeat(500_000)}]`],
    [
      'aliases that explode',
      [
        'a: &a [x,x,x,x,x,x,x,x,x]',
        ...[...'bcdefghi'].map((key, at) => `${key}: &${key} [${`*${'abcdefgh'[at] ?? ''},`.repeat(9)}]`),
      ].join('\n'),
    ],
    ['101 aliases', `a: &a 1\nb: [${'*a,'.repeat(101)}]`],
  ])(
    '%s: an answer within seconds',
    (_name, text) => {
      const began = process.cpuUsage();
      expect(mistakes(text)[0]).toMatch(/^opsctl\.yaml(:\d+:\d+: | has at least 10 mistakes)/);
      const { user, system } = process.cpuUsage(began); // Else it would go by what else this machine does.
      expect((user + system) / 1e6).toBeLessThan(15);
    },
    30_000,
  );

  test('a byte order mark and Windows line ends are no mistake', () => {
    expect(load(`\ufeff${MINIMAL.replaceAll('\n', '\r\n')}`).platform.compose.project).toBe('shop');
  });

  test('a folder, and a device without end', () => {
    expect(() => loadConfig({ cwd: root, home: root, env: {}, config: '.' })).toThrow(/is a directory/);
    if (process.platform === 'linux')
      expect(() => loadConfig({ cwd: root, home: root, env: {}, config: '/dev/zero' })).toThrow(/larger than 1 MiB/);
  });

  test('none at all says what to do', () => {
    const error = attempt(() => loadConfig({ cwd: path.parse(root).root, home: root, env: {} }));
    expect(error).toMatchObject({ code: 'CONFIG_MISSING', exit: 2, hint: expect.stringContaining('opsctl init') });
  });
});

function attempt(work: () => unknown): unknown {
  try {
    return work();
  } catch (thrown) {
    return thrown;
  }
}

describe('which file is used', () => {
  test('flag, variable, the nearest above, the user’s own, in this order', () => {
    const home = folder();
    mkdirSync(path.join(home, '.config', 'opsctl'), { recursive: true });
    writeFileSync(path.join(home, '.config', 'opsctl', 'opsctl.yml'), MINIMAL);
    const above = folder(MINIMAL);
    const below = path.join(above, 'a', 'b');
    mkdirSync(below, { recursive: true });
    const base = { cwd: below, home, env: {} };
    expect(findConfig({ ...base, config: 'x.yaml', env: { OPSCTL_CONFIG: 'y.yaml' } })).toBe(
      path.join(below, 'x.yaml'),
    );
    expect(findConfig({ ...base, env: { OPSCTL_CONFIG: 'y.yaml' } })).toBe(path.join(below, 'y.yaml'));
    expect(findConfig({ ...base, env: { OPSCTL_CONFIG: '' } })).toBe(path.join(above, 'opsctl.yaml'));
    expect(findConfig({ ...base, cwd: path.parse(root).root })).toBe(
      path.join(home, '.config', 'opsctl', 'opsctl.yml'),
    );
    expect(findConfig({ ...base, cwd: path.parse(root).root, env: { XDG_CONFIG_HOME: above } })).toBeUndefined();
  });
});

test.runIf(process.getuid?.() === 0)('one that a stranger left in a folder of everybody is not found by itself', () => {
  const cwd = folder(MINIMAL);
  chownSync(path.join(cwd, 'opsctl.yaml'), 65_534, 65_534);
  expect(findConfig({ cwd, home: root, env: {} })).toBe(path.join(cwd, 'opsctl.yaml'));
  chmodSync(cwd, 0o1777);
  expect(() => findConfig({ cwd, home: root, env: {} })).toThrow(/belongs to another user/);
  expect(loadConfig({ cwd, home: root, env: {}, config: 'opsctl.yaml' }).platform.compose.project).toBe('shop');
});

describe('which environment is used', () => {
  const two = 'environments:\n  staging: { compose: { project: a } }\n  production: { compose: { project: b } }\n';
  test('flag, variable, default, the only one', () => {
    expect(load(two, { environment: 'staging', env: { OPSCTL_ENVIRONMENT: 'production' } }).platform.environment).toBe(
      'staging',
    );
    expect(load(two, { env: { OPSCTL_ENVIRONMENT: 'production' } }).platform.environment).toBe('production');
    expect(load(`default: staging\n${two}`).platform.environment).toBe('staging');
    expect(load(MINIMAL).platform.environment).toBe('production');
  });

  test('several and none chosen, or one that does not exist', () => {
    expect(mistakes(two)).toEqual(['opsctl.yaml has several environments: staging, production']);
    expect(mistakes(two, { environment: 'prodction' })).toEqual([
      'opsctl.yaml has no environment prodction; did you mean production?',
    ]);
  });

  test('one that is called production is protected unless the file says otherwise', () => {
    expect(load(two, { environment: 'production' }).platform.protected).toBe(true);
    expect(load(two, { environment: 'staging' }).platform.protected).toBe(false);
    expect(load(`${MINIMAL}    protected: false`).platform.protected).toBe(false);
    expect(
      load(two.replace('{ compose: { project: a }', '{ protected: true, compose: { project: a }'), {
        environment: 'staging',
      }).platform.protected,
    ).toBe(true);
  });
});

describe('flag before variable before file before default', () => {
  const text = `${MINIMAL}    checks: { timeoutMs: 3 }\n    services: &s { api: &one { metrics: a }, web: *one }\n`;
  const timeout = (more: Partial<ConfigRequest>, file = text): [unknown, unknown] => {
    const { platform, reader } = load(file, more);
    const value = reader.values().find((one) => one.path === 'checks.timeoutMs');
    return [platform.checks.timeoutMs, `${value?.origin ?? ''} ${value?.at ?? ''}`.trim()];
  };

  test('and the origin is told', () => {
    const env = { OPSCTL_CHECKS_TIMEOUT_MS: '2' };
    expect(timeout({ env, set: ['checks.timeoutMs=1'] })).toEqual([1, 'flag --set']);
    expect(timeout({ env })).toEqual([2, 'environment OPSCTL_CHECKS_TIMEOUT_MS']);
    expect(timeout({})).toEqual([3, 'file line 4, column 26']);
    expect(timeout({}, MINIMAL)).toEqual([5000, 'default']);
  });

  test('a value that looks like a number is text where text is wanted', () => {
    expect(load(text, { set: ['compose.project=2026', 'services.api.metrics=1'] }).platform).toMatchObject({
      compose: { project: '2026' },
      // What two services share by an alias is changed for the one that was named.
      services: { api: { metrics: '1' }, web: { metrics: 'a' } },
    });
  });

  test.each([
    ['checks.timeoutMs=soon', '--set does not fit: checks.timeoutMs: expected a number, found text'],
    ['cheks.timeoutMs=1', '--set cheks.timeoutMs: unknown value cheks; did you mean checks?'],
    ['checks.timeout=1', '--set does not fit: checks: unknown key timeout'],
    ['nothing', '--set is not of the form path=value'],
    ['__proto__.x=1', '--set __proto__.x: not a usable path'],
    ['constructor.prototype.x=1', '--set constructor.prototype.x: unknown value constructor; valid here:'],
    ['services.__proto__.x=1', '--set services.__proto__.x: not a usable path'],
  ])('--set %s', (set, expected) => {
    expect(mistakes(text, { set: [set] })[0]).toContain(expected);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  test('a variable that does not fit is named', () => {
    expect(mistakes(text, { env: { OPSCTL_PROTECTED: 'perhaps' } })).toEqual([
      'OPSCTL_PROTECTED does not fit: protected: expected true or false, found text',
    ]);
  });
});

describe('values', () => {
  test('contacts and links of the whole file keep their places', () => {
    const { platform, reader } = load(
      `contacts:\n  - { role: everybody }\nlinks: { wiki: http://wiki.example }\n${MINIMAL}    contacts:\n      - { role: mine }\n    links: { own: http://own.example }\n`,
    );
    expect(platform.contacts.map(({ role }) => role)).toEqual(['mine', 'everybody']);
    const places = Object.fromEntries(reader.values().map(({ path: at, at: place }) => [at, place]));
    expect(places).toMatchObject({
      'contacts.0.role': 'line 8, column 17',
      'contacts.1.role': 'line 2, column 13',
      'links.wiki': 'line 3, column 16',
      'links.own': 'line 9, column 19',
    });
  });

  test('without a file there is no value, but a schema', () => {
    const { platform, reader } = bareConfig({ cwd: root, home: root, env: {}, environment: 'staging' });
    expect([reader.file(), reader.values(), platform.environment, platform.protected]).toEqual([
      undefined,
      [],
      'staging',
      false,
    ]);
    expect(reader.schema()).toMatchObject({ $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object' });
  });
});

describe('writing', () => {
  test('never over another file unless told so, and only what loads', async () => {
    const cwd = folder();
    const { reader } = bareConfig({ cwd, home: root, env: {} });
    const file = path.join(cwd, 'sub.yaml');
    expect(await reader.write('sub.yaml', MINIMAL, { replace: false })).toEqual({ path: file, replaced: false });
    await expect(reader.write('sub.yaml', MINIMAL, { replace: false })).rejects.toMatchObject({
      code: 'UNSAFE',
      exit: 5,
    });
    expect(await reader.write('sub.yaml', MINIMAL.replace('shop', 'other'), { replace: true })).toEqual({
      path: file,
      replaced: true,
    });
    expect(loadConfig({ cwd, home: root, env: {}, config: 'sub.yaml' }).platform.compose.project).toBe('other');
    await expect(reader.write('sub.yaml', 'a: 1', { replace: true })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(reader.write('no/where.yaml', MINIMAL, { replace: false })).rejects.toMatchObject({
      code: 'REJECTED',
    });
    await expect(reader.write('.', MINIMAL, { replace: true })).rejects.toMatchObject({ code: 'REJECTED' });
    expect(loadConfig({ cwd, home: root, env: {}, config: 'sub.yaml' }).platform.compose.project).toBe('other');
  });
});
