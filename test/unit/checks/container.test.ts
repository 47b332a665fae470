import { describe, expect, it } from 'vitest';

import { container } from '../../../src/checks/container.ts';
import { thresholdsSchema } from '../../../src/core/thresholds.ts';
import type { ContainerDetail, Usage } from '../../../src/core/ports/engine.ts';
import { fakeEngine, type FakeContainer } from '../../support/fakes/engine.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const MINUTES_AGO = '2026-03-01T11:55:00.000Z';
const DAYS_AGO = '2026-02-20T12:00:00.000Z';
const limits = thresholdsSchema.parse({});

async function judged(facts: Partial<FakeContainer>, usage?: Partial<Usage>, meantToRun = false): Promise<string> {
  const engine = fakeEngine();
  engine.add({
    name: 'shop-api',
    service: 'api',
    startedAt: DAYS_AGO,
    networks: [{ name: 'n', address: '' }],
    ...facts,
  });
  const detail: ContainerDetail = await engine.container('shop-api');
  const used: Usage = { cpus: 0.5, memory: 5e7, memoryDetail: {}, pids: 1, source: 'cgroup', ...usage };
  const { status, reason, next } = container(detail, usage === undefined ? undefined : used, limits, NOW, meantToRun);
  return [`${status}: ${reason}`, ...next].join(' | ');
}

const LOGS = 'opsctl logs api --tail 50';
const RESTART = 'opsctl service restart api --dry-run';

describe('a container', () => {
  it.each<[string, Partial<FakeContainer>, Partial<Usage> | undefined, string]>([
    ['runs', { health: 'healthy' }, {}, 'ok: up 9 d, healthy, 0.50 CPU, 47.7 MiB'],
    ['runs unmeasured', {}, undefined, 'ok: up 9 d'],
    [
      'is stopped',
      { state: 'exited', exitCode: 137 },
      undefined,
      `crit: is exited (exit code 137) | ${LOGS} | ${RESTART}`,
    ],
    [
      'has done its one job',
      { state: 'exited', exitCode: 0 },
      undefined,
      'ok: finished with exit code 0, as a one-shot container does',
    ],
    [
      'ended though it should run',
      { state: 'exited', restartPolicy: 'always' },
      undefined,
      `crit: is exited (exit code 0) | ${LOGS} | ${RESTART}`,
    ],
    [
      'ended by the kernel',
      { state: 'exited', exitCode: 137, oomKilled: true },
      undefined,
      `crit: is exited (exit code 137, killed for memory) | ${LOGS} | ${RESTART}`,
    ],
    [
      'is paused',
      { state: 'paused' },
      undefined,
      `crit: is paused: its processes are frozen | docker unpause shop-api | ${RESTART}`,
    ],
    [
      'loops',
      { state: 'restarting', restartCount: 7, exitCode: 1 },
      undefined,
      `crit: restarts again and again (7 restarts, last exit code 1) | ${LOGS} | opsctl history`,
    ],
    [
      'lost its network',
      { networks: [], networkMode: 'shop_default' },
      undefined,
      'crit: is on no network: nothing can reach it (it belongs on shop_default) | docker-compose up -d --no-deps --force-recreate api | opsctl network',
    ],
    ['was never to have one', { networks: [], networkMode: 'none' }, undefined, 'ok: up 9 d'],
    ['shares one', { networks: [], networkMode: 'container:0123' }, undefined, 'ok: up 9 d'],
    [
      'is unhealthy',
      { health: 'unhealthy', healthLog: [{ at: '', exitCode: 7, output: 'refused\nmore' }] },
      undefined,
      `crit: is unhealthy: refused | ${LOGS}`,
    ],
    [
      'is unhealthy in silence',
      { health: 'unhealthy', healthLog: [{ at: '', exitCode: 7, output: '' }] },
      undefined,
      `crit: is unhealthy: exit code 7 | ${LOGS}`,
    ],
    ['starts', { health: 'starting', startedAt: MINUTES_AGO }, undefined, `warn: is starting, up 5 min | ${LOGS}`],
    ['came back once', { restartCount: 1, startedAt: MINUTES_AGO }, undefined, 'ok: up 5 min after 1 restart'],
    [
      'came back often',
      { restartCount: 4, startedAt: MINUTES_AGO },
      undefined,
      `warn: restarted 4 times, up only 5 min | ${LOGS}`,
    ],
    ['came back often, long ago', { restartCount: 40 }, undefined, 'ok: up 9 d'],
    [
      'was killed for memory',
      { oomKilled: true, restartCount: 1, startedAt: MINUTES_AGO, memoryLimit: 2 ** 28 },
      {},
      `crit: was killed for want of memory and started again (1 restart); limit 256 MiB, up 5 min | opsctl stats api --memory | ${LOGS}`,
    ],
    [
      'was killed for memory long ago',
      { oomKilled: true, restartCount: 1 },
      {},
      `warn: was killed for want of memory and started again (1 restart); no limit of its own, up 9 d | opsctl stats api --memory | ${LOGS}`,
    ],
    [
      'lost a process to memory',
      { startedAt: MINUTES_AGO },
      { oomKills: 2 },
      `crit: 2 processes of it were killed for want of memory; no limit of its own, up 5 min | opsctl stats api --memory | ${LOGS}`,
    ],
    [
      'is near its limit',
      { memoryLimit: 1e8 },
      { memory: 9e7 },
      'warn: memory is near its limit: 85.8 MiB of 95.4 MiB (90 %) | opsctl stats api --memory',
    ],
    [
      'is at its limit',
      { memoryLimit: 1e8 },
      { memory: 9.9e7 },
      'crit: memory is near its limit: 94.4 MiB of 95.4 MiB (99 %) | opsctl stats api --memory',
    ],
  ])('that %s must be judged so', async (_what, facts, usage, expected) => {
    expect(await judged(facts, usage)).toBe(expected);
  });

  it.each<[string, Partial<FakeContainer>, string]>([
    ['ended', { state: 'exited', exitCode: 0 }, `crit: is exited (exit code 0) | ${LOGS} | ${RESTART}`],
    [
      'ended, to be restarted on failure only',
      { state: 'exited', exitCode: 0, restartPolicy: 'on-failure' },
      `crit: is exited (exit code 0) | ${LOGS} | ${RESTART}`,
    ],
    ['never started', { state: 'created' }, `crit: is created (exit code 0) | ${LOGS} | ${RESTART}`],
  ])('that the configuration names and that %s must be critical', async (_what, facts, expected) => {
    expect(await judged(facts, undefined, true)).toBe(expected);
  });

  it.each<[FakeContainer['state'], string]>([
    ['created', `warn: was created and never started | ${LOGS}`],
    ['removing', 'warn: is being removed | opsctl status'],
  ])('that is %s must not be well', async (state, expected) => {
    expect(await judged({ state })).toBe(expected);
  });
});
