/** Health as people, scripts and collectors use it over time, and against what hangs or talks nonsense. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { execa } from 'execa';
import { afterEach, describe, expect, inject, it } from 'vitest';

import { hasProgram, install } from '../../scripts/packages.ts';
import { run } from '../../scripts/run.ts';
import { hang } from '../support/faults-containers.ts';
import { DEMO_CONFIG, machine } from '../support/opsctl.ts';

const opsctl = machine('health-live');
const REDIS = 'ecommerce-redis-prod';
const LARGE = Buffer.alloc(100_000_000, 'x');

interface Check {
  id: string;
  status: string;
  reason: string;
  durationMs: number;
}
interface Answer {
  data: { status: string; checks: Check[] };
}

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of undo.splice(0).toReversed()) await one();
});

async function listening(server: net.Server | http.Server, at: string | number): Promise<number> {
  await new Promise<void>((resolve) => void server.listen(at as never, resolve as never));
  undo.push(() => new Promise((resolve) => void server.close(resolve)));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Does something once the program has said something. */
function onceSaid(child: ChildProcess, what: RegExp, act: () => unknown): void {
  let text = '';
  const listen = (chunk: Buffer | string): void => {
    text += chunk.toString();
    if (!what.test(text)) return;
    child.stdout?.off('data', listen);
    act();
  };
  child.stdout?.on('data', listen);
}

describe('health --continuous', () => {
  it('must stream one JSON document a round, a summary at Ctrl-C, and end with 130', async () => {
    const { code, stdout } = await opsctl(['health', '--continuous', '--interval-seconds', '1', '--json'], {
      onStart: (child) => onceSaid(child, /(?:.+\n){3}/, () => child.kill('SIGINT')),
    });
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; checks: unknown[]; rounds?: number });
    expect(events.length).toBeGreaterThanOrEqual(4);
    expect(events.slice(0, -1).every(({ type, checks }) => type === 'round' && checks.length === 5)).toBe(true);
    expect(events.at(-1)).toMatchObject({ type: 'summary', rounds: events.length - 1 });
    expect(code).toBe(130);
  });

  it('must mark a change once three rounds agree, a line a round when piped', async () => {
    await run(['docker', 'pause', REDIS]);
    const thaw = (): Promise<unknown> => run(['docker', 'unpause', REDIS]).catch(() => undefined);
    undo.push(thaw);
    const { code, stdout } = await opsctl(['health', '--continuous', '--interval-seconds', '1', '--only', 'redis'], {
      onStart: (child) => {
        onceSaid(child, /redis crit/, thaw);
        onceSaid(child, /crit → ok/, () => child.kill('SIGINT'));
      },
    });
    expect(stdout).toMatch(/✗ crit {2}redis crit/);
    expect(stdout).toMatch(/→ redis: crit → ok: up, says api/);
    expect(stdout).toMatch(/Summary: \d+ rounds in .* \d+ changes? of state/);
    expect(stdout).not.toContain('\u001b[');
    expect(code).toBe(130);
  });

  it('must draw one screen again and again on a terminal, and leave the summary', async () => {
    const command = `stty cols 100 rows 30; '${process.execPath}' bin/opsctl health --continuous --interval-seconds 1`;
    const child = spawn('timeout', ['60', 'script', '-qec', command, '/dev/null'], {
      cwd: path.resolve(import.meta.dirname, '..', '..'),
      env: { ...process.env, DOCKER_HOST: inject('platform').dockerHost, OPSCTL_CONFIG: DEMO_CONFIG, TERM: 'xterm' },
    });
    let seen = '';
    child.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    onceSaid(child, /round 3/, () => child.stdin.write('\u0003'));
    await new Promise((resolve) => child.once('close', resolve));
    expect(seen).toContain('Ctrl-C to end');
    // The screen before is erased before the next is drawn.
    expect(seen).toMatch(/round 2[^]*\u001b\[2K[^]*round 3[^]*\u001b\[2K[^]*Summary.*: 3 rounds in /);
  });
});

describe('health --format prometheus', () => {
  it("must be what the node exporter's textfile collector takes", async () => {
    if (!hasProgram('promtool')) await install(['prometheus']);
    const { stdout } = await opsctl(['health', '--detailed', '--format', 'prometheus']);
    expect(stdout).toContain('opsctl_health_status{check="load-balancer",component="load-balancer"} 0');
    const { exitCode, all } = await execa('promtool', ['check', 'metrics'], {
      input: stdout,
      reject: false,
      all: true,
    });
    expect({ exitCode, all }).toEqual({ exitCode: 0, all: '' });
  });
});

describe('what hangs', () => {
  it('must not delay the rest: redis frozen in the middle of its work', async () => {
    undo.push(await hang(REDIS));
    const result = await opsctl(['health', '--detailed', '--json']);
    const { checks } = result.json<Answer>().data;
    expect(result.code).toBe(1);
    expect(checks.find(({ id }) => id === 'redis.direct')?.status).toBe('crit');
    const slow = checks.filter(({ durationMs }) => durationMs > 2500).map(({ id }) => id);
    // These two ask it; all others are as quick as ever.
    expect(slow.filter((id) => id !== 'redis' && id !== 'redis.direct')).toEqual([]);
    expect(result.ms).toBeLessThan(6500);
  });

  it('must be told and not waited for: an engine that accepts and is silent', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'opsctl-silent-'));
    undo.push(() => rm(folder, { recursive: true }));
    const held = new Set<net.Socket>();
    const server = net.createServer((socket) => void held.add(socket.on('error', () => undefined)));
    await listening(server, path.join(folder, 'docker.sock'));
    undo.push(() => {
      for (const socket of held) socket.destroy();
    });
    const result = await opsctl(['health', '--detailed', '--json'], {
      env: { DOCKER_HOST: `unix://${path.join(folder, 'docker.sock')}` },
    });
    const { status, checks } = result.json<Answer>().data;
    expect(checks.filter(({ id }) => id === 'engine' || id === 'containers').map((check) => check.status)).toEqual([
      'unknown',
      'unknown',
    ]);
    // What needs no engine is asked all the same; how quick a busy machine answers is not what this is about.
    expect(checks.find(({ id }) => id === 'api')?.status).toMatch(/^(?:ok|warn)$/);
    expect(result.code).toBe(status === 'crit' ? 1 : 6);
    expect(result.ms).toBeLessThan(15_000);
  });

  it.each([
    ['100 MB', 'ok', (answer: http.ServerResponse) => answer.end(LARGE)],
    [
      'a drop at a time',
      'crit',
      (answer: http.ServerResponse) => void setInterval(() => answer.write('x'), 200).unref(),
    ],
    ['nothing', 'crit', () => undefined],
  ])('must be bounded: an API that answers %s', async (_what, expected, reply) => {
    const server = http.createServer((_request, answer) => {
      reply(answer.on('error', () => undefined));
    });
    const port = await listening(server, 0);
    undo.push(() => {
      server.closeAllConnections();
    });
    const argv = ['health', '--only', 'api', '--json', '--timeout', '2000', '--fail-on', 'warn'];
    const result = await opsctl([...argv, '--set', `services.api.health=http://127.0.0.1:${port}/health`]);
    expect(
      result.json<Answer>().data.checks.map(({ status }) => status),
      result.stdout,
    ).toEqual([expected]);
    expect(result.code).toBe(expected === 'ok' ? 0 : 1);
    expect(result.ms).toBeLessThan(10_000);
    await sleep(0);
  });
});

describe('--fail-on and --timeout', () => {
  it('must count a warning only when asked to', async () => {
    const strict = ['health', '--only', 'certificate:site', '--set', 'thresholds.certificateDays.warn=365'];
    expect((await opsctl(strict)).code).toBe(0);
    expect((await opsctl([...strict, '--fail-on', 'warn'])).code).toBe(1);
  });

  it('must end each check at the deadline that was asked for', async () => {
    await run(['docker', 'pause', REDIS]);
    undo.push(() => run(['docker', 'unpause', REDIS]));
    const result = await opsctl(['health', '--json', '--timeout', '700']);
    expect(Math.max(...result.json<Answer>().data.checks.map(({ durationMs }) => durationMs))).toBeLessThan(2500);
    expect(result.code).not.toBe(0);
  });
});
