import { describe, expect, it } from 'vitest';

import { makeStyle } from '../../../src/cli/style.ts';
import type { Health } from '../../../src/health/observe.ts';
import type { Finding } from '../../../src/health/probe.ts';
import { healthBrief, healthText } from '../../../src/health/text.ts';
import { plain } from './platform.ts';

const finding = (
  id: string,
  component: string,
  status: Finding['status'],
  reason: string,
  next: string[] = [],
): Finding => ({
  id,
  component,
  status,
  reason,
  next,
  durationMs: 3,
});

const gone = 'could not be observed: the docker engine at unix:///run/docker.sock is not there: no such socket';

const night: Health = {
  status: 'crit',
  checks: [
    finding('api', 'api', 'warn', 'answers 503 because it reports down: redis', [
      'opsctl health --detailed --only redis',
    ]),
    finding('web', 'web', 'ok', 'answers 200 in 4 ms'),
    finding(
      'redis',
      'redis',
      'crit',
      'down, says api (down: not connected); redis main does not run: container shop-redis-prod is paused',
      ['Let it go on: docker unpause shop-redis-prod.', 'opsctl logs redis --tail 50'],
    ),
    finding('redis.direct', 'redis', 'crit', 'redis main does not run: container shop-redis-prod is paused', [
      'Let it go on: docker unpause shop-redis-prod.',
      'opsctl logs redis --tail 50',
    ]),
    finding('container:shop-api-prod', 'containers', 'ok', 'up 2 d, healthy, 0.02 CPU, 45.0 MiB of 256 MiB'),
    finding(
      'container:shop-postgres-exporter-prod',
      'containers',
      'ok',
      'up 2 d, healthy, 0.02 CPU, 7.1 MiB of 96 MiB',
    ),
    finding('container:shop-redis-prod', 'containers', 'crit', 'is paused: its processes are frozen', [
      'docker unpause shop-redis-prod',
      'opsctl service restart redis --dry-run',
    ]),
    finding('disk', 'host', 'unknown', gone, ['Start it.']),
    finding('releases', 'releases', 'unknown', gone, ['Start it.']),
    finding('host-memory', 'host', 'skipped', 'no prometheus is configured that could tell'),
  ],
};

describe('health for people', () => {
  it('must put the most urgent last, each cause and each command once', () => {
    expect(healthText(night, plain)).toMatchInlineSnapshot(`
      "✓ web                  answers 200 in 4 ms
      ✓ containers           2 checks
        ✓ api                up 2 d, healthy, 0.02 CPU, 45.0 MiB of 256 MiB
        ✓ postgres-exporter  up 2 d, healthy, 0.02 CPU, 7.1 MiB of 96 MiB
      - host-memory          no prometheus is configured that could tell

      ! warn  api
          answers 503 because it reports down: redis
      ? unknown  disk, releases
          could not be observed: the docker engine at unix:///run/docker.sock is not
          there: no such socket
      ✗ crit  redis
          down, says api (down: not connected); redis main does not run: container
          shop-redis-prod is paused
      ✗ crit  redis.direct
          redis main does not run: container shop-redis-prod is paused
      ✗ crit  container:shop-redis-prod
          is paused: its processes are frozen

      Next
        docker unpause shop-redis-prod
        opsctl logs redis --tail 50
        opsctl service restart redis --dry-run
        Start it.

      ✗ crit: 3 crit, 2 unknown, 1 warn, 1 skipped, 3 ok; the slowest took 3 ms"
    `);
  });

  it('must stay within 60 columns', () => {
    const lines = healthText(night, makeStyle({ width: 60, colour: false })).split('\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(60);
  });

  it('must say little when all is well', () => {
    const well: Health = { status: 'ok', checks: [finding('web', 'web', 'ok', 'answers 200 in 4 ms')] };
    expect(healthText(well, plain)).toMatchInlineSnapshot(`
      "✓ web  answers 200 in 4 ms

      ✓ ok: 1 ok; the slowest took 3 ms"
    `);
  });

  it('must show a screen without what is well', () => {
    const text = healthBrief(night, plain);
    expect(text).not.toContain('answers 200');
    expect(text).toContain('is paused');
  });

  it('must not become a page of commands', () => {
    const many = Array.from({ length: 30 }, (_, index) =>
      finding(`container:c${index.toString()}`, 'containers', 'crit', 'is exited', [
        `opsctl logs c${index.toString()}`,
        `opsctl status c${index.toString()}`,
      ]),
    );
    expect(healthText({ status: 'crit', checks: many }, plain).split('\n').slice(-12)).toMatchInlineSnapshot(`
      [
        "Next",
        "  opsctl logs c0",
        "  opsctl logs c1",
        "  opsctl logs c2",
        "  opsctl logs c3",
        "  opsctl logs c4",
        "  opsctl logs c5",
        "  opsctl logs c6",
        "  opsctl logs c7",
        "  and 52 more with --json",
        "",
        "✗ crit: 30 crit; the slowest took 3 ms",
      ]
    `);
  });
});
