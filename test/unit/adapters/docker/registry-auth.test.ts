import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { loginHeader, registryLogin, registryOf } from '../../../../src/adapters/docker/registry-auth.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'opsctl-auth-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const HUB = 'https://index.docker.io/v1/';
const basic = (text: string): { auth: string } => ({ auth: Buffer.from(text).toString('base64') });

/** What an engine is told of a reference, with this configuration of docker; undefined without a header. */
async function told(reference: string, config: unknown): Promise<unknown> {
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  await writeFile(path.join(folder, 'config.json'), text);
  const env = { DOCKER_CONFIG: folder, PATH: `${folder}:${process.env['PATH'] ?? ''}` };
  const header = loginHeader(await registryLogin(reference, { env, home: '/nowhere' }))['X-Registry-Auth'];
  return header === undefined ? undefined : JSON.parse(Buffer.from(header, 'base64url').toString());
}

/** A credential helper that answers to `get` for what it is asked on its stdin. */
async function helper(name: string, script: string): Promise<void> {
  const file = path.join(folder, `docker-credential-${name}`);
  await writeFile(file, `#!/bin/sh\nread -r asked\n${script}\n`);
  await chmod(file, 0o755);
}

test.each([
  ['shop/api:v1', 'docker.io'],
  ['postgres', 'docker.io'],
  ['docker.io/library/postgres:16', 'docker.io'],
  ['registry.example.com/shop/api@sha256:0', 'registry.example.com'],
  ['registry:5000/api', 'registry:5000'],
  ['localhost/api', 'localhost'],
  ['localhost:5000/api:v1', 'localhost:5000'],
])('the registry of %s must be %s', (reference, registry) => expect(registryOf(reference)).toBe(registry));

describe('credentials that docker login keeps in the file', () => {
  const auths = {
    [HUB]: basic('alice:hub'),
    'registry.example.com': basic('bob:p:a ss'),
    'token.example.com': { identitytoken: 'id' },
    'https://url.example.com:5000/v2/': basic('carol:url'),
  };

  test.each([
    ['shop/api', { username: 'alice', password: 'hub', serveraddress: HUB }],
    ['registry.example.com/api', { username: 'bob', password: 'p:a ss', serveraddress: 'registry.example.com' }],
    ['token.example.com/api', { identitytoken: 'id', serveraddress: 'token.example.com' }],
    ['url.example.com:5000/api', { username: 'carol', password: 'url', serveraddress: 'url.example.com:5000' }],
    ['url.example.com/api', undefined],
    ['other.example.com/api', undefined],
  ])('must be told of the registry of %s only', async (reference, expected) => {
    expect(await told(reference, { auths })).toEqual(expected);
  });

  test.each(['', 'not json', '[]', '{"auths":[]}', { auths: { [HUB]: {} } }, { auths: { [HUB]: basic('nobody') } }])(
    'must count as none where there are none: %j',
    async (config) => expect(await told('shop/api', config)).toBeUndefined(),
  );

  test('must be found in the home directory, and be none where docker was never used', async () => {
    expect(await registryLogin('shop/api', { env: {}, home: folder })).toEqual({ serveraddress: HUB });
  });

  test('must be written as the engine reads it: for URLs, with its padding', async () => {
    for (const password of ['p', 'pp', 'ppp', '>>>???']) {
      await writeFile(
        path.join(folder, 'config.json'),
        JSON.stringify({ auths: { 'a.example': basic(`u:${password}`) } }),
      );
      const env = { DOCKER_CONFIG: folder };
      const { 'X-Registry-Auth': header = '' } = loginHeader(await registryLogin('a.example/x', { env, home: '/' }));
      expect(header).toMatch(/^[A-Za-z0-9_-]+={0,2}$/);
      expect(header.length % 4).toBe(0);
    }
  });
});

describe('a credential helper', () => {
  const answers = `echo "{\\"Username\\":\\"alice\\",\\"Secret\\":\\"for $asked\\"}"`;

  test('must be asked for the registry, and count more than the file', async () => {
    await helper('all', answers);
    const config = { credsStore: 'all', auths: { 'registry.example.com': basic('bob:old') } };
    expect(await told('registry.example.com/api', config)).toMatchObject({
      username: 'alice',
      password: 'for registry.example.com',
    });
    expect(await told('shop/api', config)).toMatchObject({ password: `for ${HUB}` });
  });

  test.each([
    ['registry.example.com/api', 'registry.example.com'],
    ['shop/api', HUB],
  ])('of one registry must be asked for %s', async (reference, key) => {
    await helper('one', answers);
    await helper('all', 'exit 1');
    const config = { credsStore: 'all', credHelpers: { [key]: 'one' } };
    expect(await told(reference, config)).toMatchObject({ password: `for ${key}` });
    expect(await told('other.example.com/api', config)).toBeUndefined();
  });

  test('may answer with a token', async () => {
    await helper('all', `echo '{"Username":"<token>","Secret":"id"}'`);
    expect(await told('shop/api', { credsStore: 'all' })).toEqual({ identitytoken: 'id', serveraddress: HUB });
  });

  test.each(['exit 1', 'echo no credentials', 'echo "{}"'])(
    'that knows nothing must count as none: %s',
    async (script) => {
      await helper('all', script);
      expect(await told('shop/api', { credsStore: 'all' })).toBeUndefined();
    },
  );

  test('that is not there, or no name of one, must count as none', async () => {
    expect(await told('shop/api', { credsStore: 'absent' })).toBeUndefined();
    await helper('evil', answers);
    expect(await told('shop/api', { credsStore: 'x/../docker-credential-evil' })).toBeUndefined();
  });
});
