import { mkdtempSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';

import { attempt, run } from '../../scripts/run.ts';
import { opsctl, type Result } from '../support/opsctl.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'opsctl-bad-input-'));
let count = 0;

/** A configuration file with this text. */
function config(text: string): string {
  count += 1;
  const file = path.join(folder, `${count.toString()}.yaml`);
  writeFileSync(file, text);
  return file;
}

/** An environment with these parts beside the compose project. */
const environment = (parts: string): string =>
  config(`environments:\n  staging:\n    compose: { project: ecommerce }\n${parts}\n`);

interface Failure {
  ok: boolean;
  error: { code: string; message: string; hint?: string; exit: number };
}

/** A failure that helps: one JSON document that says so, the same in text, and never a stack trace. */
function expectHelp(result: Result, exit: number, code: string): string {
  expect(result.code, result.stderr).toBe(exit);
  const { ok, error } = result.json<Failure>();
  expect({ ok, code: error.code, exit: error.exit }).toEqual({ ok: false, code, exit });
  expect(error.hint ?? '').not.toBe('');
  expect(result.stderr).toContain('error: ');
  expect(result.stderr).not.toMatch(/\n\s+at .*(\.ts|\.mjs|\.cjs|node:)/);
  return error.message;
}

describe('a mistake in the configuration must be named with its place, exit 2', () => {
  test.each([
    ['malformed YAML', 'environments:\n  staging: {compose: [}\n', /:\d+:\d+: /],
    ['a tab as indentation', 'environments:\n\tstaging: 1\n', /:2:\d+: /],
    [
      'an unknown key',
      'environments:\n  staging:\n    compose: { project: x }\n    servces: {}\n',
      /:4:5: .*servces: unknown key; did you mean services\?/,
    ],
    [
      'a wrong type',
      'environments:\n  staging:\n    compose: { project: x }\n    checks: { timeoutMs: soon }\n',
      /:4:\d+: .*timeoutMs/,
    ],
    ['an empty file', '', /:1:1: the file is empty/],
    ['a file that is no text', '\u0000\u0001\u0002', /:\d+:\d+: /],
  ])('%s', async (_name, text, message) => {
    const result = await opsctl(['health', '--json', '--config', config(text)]);
    expect(expectHelp(result, 2, 'CONFIG_INVALID')).toMatch(message);
  });

  test('a file that is not there', async () => {
    const result = await opsctl(['health', '--json', '--config', path.join(folder, 'none.yaml')]);
    expect(expectHelp(result, 2, 'CONFIG_MISSING')).toContain('none.yaml');
  });

  test('an unknown environment, with the nearest', async () => {
    const result = await opsctl(['health', '--json', '--config', environment(''), '-e', 'stagging']);
    expect(expectHelp(result, 2, 'USAGE')).toContain('staging');
  });
});

describe('what cannot be observed must be unknown, exit 6', () => {
  test('a secret that is missing', async () => {
    const file = environment('    databases: { main: { service: postgres, password: { env: NO_SUCH_VARIABLE } } }');
    const result = await opsctl(['health', '--json', '--config', file]);
    expect(result.code).toBe(6);
    const [check] = result.json<{ data: { checks: { status: string; reason: string }[] } }>().data.checks;
    expect(check?.status).toBe('unknown');
    expect(check?.reason).toContain('NO_SUCH_VARIABLE');
  });

  test('an engine that is not there', async () => {
    const result = await opsctl(['status', '--json'], { env: { DOCKER_HOST: 'unix:///nowhere/docker.sock' } });
    expect(expectHelp(result, 6, 'UNREACHABLE')).toContain('/nowhere/docker.sock');
  });

  test('an engine that accepts and says nothing, within its deadline', async () => {
    const silent = net.createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void silent.close());
    const { port } = silent.address() as net.AddressInfo;
    const result = await opsctl(['status', '--json'], {
      env: { DOCKER_HOST: `tcp://127.0.0.1:${port.toString()}` },
      timeoutMs: 30_000,
    });
    expect(expectHelp(result, 6, 'TIMED_OUT')).toContain(port.toString());
  });
});

test('a health answer of 100 MB must not be read, nor fill the memory', async () => {
  let sent = 0;
  const server = http.createServer((_request, response) => {
    const piece = Buffer.alloc(1_048_576, 'x');
    const send = (): void => {
      while (sent < 100 && !response.destroyed) {
        sent += 1;
        if (!response.write(piece)) return void response.once('drain', send);
      }
      response.end();
    };
    response.writeHead(200, { 'content-type': 'application/json' });
    send();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as net.AddressInfo;
  const file = environment(`    services: { api: { health: 'http://127.0.0.1:${port.toString()}/' } }`);
  const result = await opsctl(['health', '--json', '--config', file]);
  expect(result.code).toBe(0);
  expect(result.json<{ data: { checks: { status: string }[] } }>().data.checks[0]?.status).toBe('ok');
  expect(sent).toBeLessThan(50);
});

describe('text from a container must not reach the terminal as commands', () => {
  const docker = (): string[] => ['docker', '--host', inject('platform').dockerHost];
  const name = 'opsctl-test-hostile';
  const evil = '\u001b[2J\u001b]0;owned\u0007\u009b31m red \u202e reversed';

  beforeAll(async () => {
    await attempt([...docker(), 'rm', '--force', name]);
    const labels = [
      '--label',
      'opsctl.test=hostile',
      '--label',
      'com.docker.compose.project=hostile',
      '--label',
      'com.docker.compose.service=evil',
    ];
    const script = 'printf \'%b\\n\' "$EVIL" "{\\"level\\":\\"error\\",\\"msg\\":\\"$EVIL\\"}"; sleep 300';
    await run([
      ...docker(),
      'run',
      '--detach',
      '--name',
      name,
      ...labels,
      '--label',
      `org.opencontainers.image.version=${evil}`,
      '--env',
      `EVIL=${evil}`,
      '--entrypoint',
      'sh',
      'ecommerce-redis:8',
      '-c',
      script,
    ]);
  });
  afterAll(async () => {
    await attempt([...docker(), 'rm', '--force', name]);
  });

  const file = config('environments:\n  staging:\n    compose: { project: hostile }\n    services: { evil: {} }\n');

  test.each([
    ['logs', ['logs', 'evil']],
    ['status', ['status']],
    ['health', ['health', '--detailed']],
  ])('%s', async (_name, argv) => {
    const { stdout, stderr } = await opsctl([...argv, '--config', file, '--no-color']);
    expect(stdout).not.toBe('');
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    expect(`${stdout}${stderr}`).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  });

  test('as JSON it is whole and harmless', async () => {
    const { stdout, code } = await opsctl(['logs', 'evil', '--json', '--config', file]);
    expect(code).toBe(0);
    expect(stdout).not.toContain('\u001b');
    expect(() => JSON.parse(stdout) as unknown).not.toThrow();
  });
});
