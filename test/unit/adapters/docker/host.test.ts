import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { engineName } from '../../../../src/adapters/docker/bare.ts';
import { named } from '../../../../src/adapters/docker/client.ts';
import { findEndpoint } from '../../../../src/adapters/docker/host.ts';
import { unixSeconds } from '../../../../src/adapters/docker/logs.ts';
import { sshArguments } from '../../../../src/adapters/docker/ssh.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'opsctl-home-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const context = async (name: string, host: string, tls: Record<string, string> = {}, skip = false): Promise<void> => {
  const id = createHash('sha256').update(name).digest('hex');
  const meta = join(home, '.docker/contexts/meta', id);
  const material = join(home, '.docker/contexts/tls', id, 'docker');
  await mkdir(meta, { recursive: true });
  await writeFile(
    join(meta, 'meta.json'),
    JSON.stringify({ Name: name, Endpoints: { docker: { Host: host, SkipTLSVerify: skip } } }),
  );
  await mkdir(material, { recursive: true });
  for (const [file, text] of Object.entries(tls)) await writeFile(join(material, file), text);
};
const current = (name: string): Promise<void> =>
  writeFile(join(home, '.docker/config.json'), JSON.stringify({ currentContext: name }));

describe('which engine is meant', () => {
  it('the configuration, then DOCKER_HOST, then the context, then the default socket', async () => {
    await context('far', 'ssh://ops@far');
    await current('far');
    const env = { DOCKER_HOST: 'tcp://10.0.0.1' };
    expect(findEndpoint({ host: 'unix:///x.sock', env, home }).url).toBe('unix:///x.sock');
    expect(findEndpoint({ env, home })).toEqual({ url: 'tcp://10.0.0.1', kind: 'tcp', host: '10.0.0.1', port: 2375 });
    expect(findEndpoint({ env: {}, home })).toEqual({ url: 'ssh://ops@far', kind: 'ssh', host: 'far', user: 'ops' });
    await current('default');
    expect(findEndpoint({ env: {}, home }).kind).toBe('socket');
  });

  it('DOCKER_CONTEXT wins over the current context; one that does not exist is a mistake', async () => {
    await context('a', 'unix:///a.sock');
    await current('b');
    expect(findEndpoint({ env: { DOCKER_CONTEXT: 'a' }, home })).toMatchObject({ path: '/a.sock' });
    expect(() => findEndpoint({ env: {}, home })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });

  it('takes the TLS material of a context and of the environment', async () => {
    await context('t', 'tcp://h:2376', { 'ca.pem': 'CA', 'cert.pem': 'CERT', 'key.pem': 'KEY' });
    await current('t');
    expect(findEndpoint({ env: {}, home })).toMatchObject({
      port: 2376,
      tls: { verify: true, ca: 'CA', cert: 'CERT', key: 'KEY' },
    });
    await writeFile(join(home, 'ca.pem'), 'CA2');
    const env = { DOCKER_HOST: 'tcp://h', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: home };
    expect(findEndpoint({ env, home })).toMatchObject({ port: 2376, tls: { verify: true, ca: 'CA2' } });
    expect(() => findEndpoint({ env: { ...env, DOCKER_CERT_PATH: '/nowhere' }, home })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });

  it('reads IPv6 addresses, named pipes and bare hosts', () => {
    const at = (host: string) => findEndpoint({ host, env: {}, home });
    expect(at('tcp://[::1]:99')).toMatchObject({ host: '::1', port: 99 });
    expect(at('npipe:////./pipe/docker_engine')).toMatchObject({ kind: 'socket', path: '//./pipe/docker_engine' });
    expect(at('10.0.0.1:99')).toMatchObject({ kind: 'tcp', host: '10.0.0.1', port: 99 });
  });
});

describe('what is passed on', () => {
  it('a password in an ssh URL is not shown, a host is never an option', () => {
    const endpoint = findEndpoint({ host: 'ssh://ops:secret@far:22', env: {}, home });
    expect(JSON.stringify(endpoint)).not.toContain('secret');
    expect(sshArguments(endpoint as Parameters<typeof sshArguments>[0]).at(-5)).toBe('--');
  });

  it('names that could leave their path are of nothing that exists', () => {
    for (const name of ['..', '../x', 'a/b', '', '-a', 'a?b', 'a\nb']) {
      expect(() => named('container', name)).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    }
    expect(named('container', 'a.b_c-1')).toBe('a.b_c-1');
  });

  it('names on the engine differ when scopes do', () => {
    expect(engineName('opsctl-lock', 'shop-production')).toBe('opsctl-lock-shop-production');
    expect(engineName('x', 'a/b')).not.toBe(engineName('x', 'a:b'));
    expect(engineName('x', 'ü'.repeat(500))).toMatch(/^[a-zA-Z0-9_.-]{1,100}$/);
  });

  it('times keep their nanoseconds', () => {
    expect(unixSeconds('2025-01-01T00:00:00.123456789Z')).toBe('1735689600.123456789');
    expect(unixSeconds('1735689600')).toBe('1735689600');
    expect(() => unixSeconds('yesterday')).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});
