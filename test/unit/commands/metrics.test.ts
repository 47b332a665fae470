import { describe, expect, test } from 'vitest';

import alerts from '../../../src/commands/metrics/alerts.ts';
import golden from '../../../src/commands/metrics/golden.ts';
import query from '../../../src/commands/metrics/query.ts';
import range from '../../../src/commands/metrics/range.ts';
import targets from '../../../src/commands/metrics/targets.ts';
import type { ReadCommand } from '../../../src/core/command.ts';
import { OpsError } from '../../../src/core/errors.ts';
import type { Platform } from '../../../src/core/platform.ts';
import { type FakeMetrics, fakeMetrics } from '../../support/fakes/metrics.ts';
import { contextOf, of, plain, shop, shopEngine } from '../inspect/platform.ts';

const engine = shopEngine();
engine.add({
  ...of('api'),
  usage: { cpus: 0.5, memory: 900, memoryLimit: 1000, memoryDetail: {}, pids: 3, source: 'cgroup' },
});

async function shown(
  command: ReadCommand,
  metrics: FakeMetrics,
  typed: object = {},
  platform: Platform = shop({ prometheus: { service: 'prometheus' } }),
): Promise<string> {
  const input = command.input.parse(typed);
  const data = command.output.parse(await command.run(input, contextOf({ metrics, engine }, platform)));
  return `\n${command.text(data, plain, input)}\n`;
}

describe('metrics query', () => {
  test('must show a value a series, also what is no number, and what the server remarks', async () => {
    const metrics = fakeMetrics();
    metrics.samples.set('rate(x)', [
      { labels: { service: 'api' }, value: 12.3456789 },
      { labels: { service: 'web' }, value: Number.NaN },
      { labels: { service: 'job' }, value: 1 },
    ]);
    metrics.remarks = ['metric might not be a counter'];
    expect(await shown(query, metrics, { promql: 'rate(x)', limit: 2 })).toMatchInlineSnapshot(`
      "
        VALUE  SERIES
      12.3457  {service="api"}
          NaN  {service="web"}
      the first 2 series; more with --limit, fewer with an aggregate such as sum by
      (job) (…)
      prometheus remarks: metric might not be a counter
      "
    `);
  });
  test('must not pass nothing for a value', async () => {
    expect(await shown(query, fakeMetrics(), { promql: 'nothing' })).toMatchInlineSnapshot(`
      "
      no series: nobody exports it, or no labels match. What is scraped: opsctl
      metrics targets
      "
    `);
  });
  test.each([
    [
      'the server gave up',
      { errorType: 'timeout' },
      'Give it longer with --timeout (2 min at most), or ask for less: fewer series, a shorter range.',
    ],
    [
      'nothing came',
      {},
      'Give it longer with --timeout (2 min at most), or ask for less: fewer series, a shorter range. See whether it runs.',
    ],
    ['the engine did not tell where it is', { engine: true }, 'See whether it runs.'],
  ])('must say how it may take longer: %s', async (_what, details, hint) => {
    const metrics = fakeMetrics();
    metrics.down = new OpsError('TIMED_OUT', 'late', { hint: 'See whether it runs.', details });
    for (const command of [query, range])
      await expect(shown(command, metrics, { promql: 'up' })).rejects.toMatchObject({ code: 'TIMED_OUT', hint });
  });
  test('must point at a mistake', async () => {
    await expect(shown(query, fakeMetrics(), { promql: 'sum(up' })).rejects.toMatchObject({
      code: 'USAGE',
      details: { query: 'sum(up\n      ^' },
    });
  });
});

describe('metrics range', () => {
  test('must draw each series, and say once what they have in common', async () => {
    const metrics = fakeMetrics();
    const points = (of: (minute: number) => number): { at: string; value: number }[] =>
      Array.from({ length: 60 }, (_, minute) => ({
        at: new Date(Date.parse('2026-03-01T11:00:00Z') + minute * 60_000).toISOString(),
        value: of(minute),
      }));
    metrics.series.set('rate(x)', [
      { labels: { service: 'api', env: 'production' }, points: points((minute) => minute * 1.5) },
      { labels: { service: 'web', env: 'production' }, points: points((minute) => (minute < 30 ? 3 : Number.NaN)) },
      { labels: { service: 'job', env: 'production' }, points: [] },
    ]);
    const typed = { promql: 'rate(x)', at: '2026-03-01T12:00:00Z', step: '1m' };
    const text = await shown(range, metrics, typed);
    expect(text.replace(/.* to .*, steps/, '<from> to <to>, steps')).toMatchInlineSnapshot(`
      "
      all: {env="production"}
      SERIES           MIN   MAX  LAST  TREND
      {service="api"}    0  88.5  88.5  ▁▁▁▂▂▂▃▃▃▄▄▄▅▅▅▆▆▆▇▇▇███
      {service="web"}    3     3   NaN  ▁▁▁▁▁▁▁▁▁▁▁▁
      {service="job"}    -     -     -
      <from> to <to>, steps of 1 min
      "
    `);
  });
});

describe('metrics alerts', () => {
  test('must show what fires first, the worst of it at the top', async () => {
    const metrics = fakeMetrics();
    const alert = { activeAt: '2026-03-01T11:50:00.000Z', labels: { service: 'api' }, summary: '' };
    metrics.raised = [
      { ...alert, name: 'Slow', state: 'firing', severity: 'warning', summary: 'p95 over\n2 s' },
      { ...alert, name: 'Soon', state: 'pending', severity: 'critical' },
      { ...alert, name: 'Watchdog', state: 'firing', severity: 'none', labels: {} },
      { ...alert, name: 'Down', state: 'firing', severity: 'critical', labels: { instance: 'web:80' } },
    ];
    expect(await shown(alerts, metrics)).toMatchInlineSnapshot(`
      "
      ✗ 2 alerts firing: Slow, Down
      ✗ Down: fires, true for 10 min
      ! Slow: fires, true for 10 min: p95 over 2 s
      next: opsctl logs api --errors
            opsctl status

      STATE    SEVERITY     FOR  ALERT     LABELS
      firing   critical  10 min  Down      {instance="web:80"}
      firing   warning   10 min  Slow      {service="api"}
      firing   none      10 min  Watchdog  {}
      pending  critical  10 min  Soon      {service="api"}
      "
    `);
  });
});

describe('metrics targets', () => {
  test('must show what is down first, and why', async () => {
    const metrics = fakeMetrics();
    const target = { job: 'api', instance: 'api:8080', lastError: '', lastScrapeAt: '2026-03-01T11:59:55.000Z' };
    metrics.scraped = [
      { ...target, health: 'up' },
      { ...target, job: 'web', health: 'down', lastError: 'dial tcp 10.0.0.7:80: connect: connection refused' },
      { ...target, job: 'new', health: 'unknown', lastScrapeAt: '' },
    ];
    expect(await shown(targets, metrics)).toMatchInlineSnapshot(`
      "
      ! 1 of 3 targets down: web (api:8080)
      ! web (api:8080): cannot be scraped: dial tcp 10.0.0.7:80: connect: connection
        refused
      next: opsctl status
            opsctl logs prometheus --tail 50

      HEALTH   JOB  INSTANCE  SCRAPED  ERROR
      down     web  api:8080  5 s ago  dial tcp 10.0.0.7:80: connect: connection refu…
      unknown  new  api:8080    never  -
      up       api  api:8080  5 s ago  -
      "
    `);
  });
});

describe('metrics golden', () => {
  const queries = { requestRate: 'rate', errorShare: 'errors', p95: 'p95' };
  const platform = (more: object = {}): Platform =>
    shop({ prometheus: { service: 'prometheus', queries: { ...queries, ...more } } });
  const busy = (): FakeMetrics => {
    const metrics = fakeMetrics();
    metrics.samples.set('rate', [{ labels: { service: 'api' }, value: 120 }]);
    metrics.samples.set('errors', [{ labels: { service: 'api' }, value: 0.07 }]);
    metrics.samples.set('p95', [{ labels: { service: 'api' }, value: 0.8 }]);
    return metrics;
  };

  test('must judge each signal of each service', async () => {
    expect(await shown(golden, busy(), {}, platform())).toMatchInlineSnapshot(`
      "
      ✗ 1 of 2 services not well, 120.0 requests a second in all
      ✗ api errors: 7.0 % of the requests fail (5xx)
      ! api latency: 95 % of the requests take less than 800 ms
      ! api saturation: 90 % of the memory limit of its fullest container is used
      - web requests: prometheus has no sample for service="web"
      - web saturation: its containers have no memory limit
      next: opsctl logs api --errors
            opsctl history
            opsctl stats api
            opsctl stats api --memory
            opsctl health --detailed --only targets
            opsctl.yaml: services.web.metrics (the label) and prometheus.queries.requestRate

      STATUS     SERVICE     RATE  ERRORS     P95      SATURATION
      ✗ crit     api      120.0/s   7.0 %  800 ms  90 % of memory
      - skipped  web            -       -       -               -

      as prometheus.queries ask for it: by default the requests of the last minute
      "
    `);
  });
  test('must take saturation from the query where one is configured', async () => {
    const metrics = busy();
    metrics.samples.set('pool', [{ labels: { service: 'api' }, value: 0.97 }]);
    const text = await shown(golden, metrics, {}, platform({ saturation: 'pool' }));
    expect(text).toContain('api saturation: 97 % of what it can bear is used');
  });
  test('must not take one of several samples of a service for all of it', async () => {
    const metrics = busy();
    const sample = (instance: string, value: number) => ({ labels: { service: 'api', instance }, value });
    metrics.samples.set('errors', [sample('a', 0.001), sample('b', 0.9)]);
    metrics.samples.set('pool', [sample('a', 0.1), sample('b', 0.99)]);
    const input = golden.input.parse({});
    const data = await golden.run(input, contextOf({ metrics, engine }, platform({ saturation: 'pool' })));
    expect(data).toMatchObject({
      status: 'unknown',
      rows: [{ service: 'api', status: 'unknown', perSecond: 120, errorShare: null, saturation: null }, {}],
    });
    const text = golden.text(golden.output.parse(data), plain, input);
    expect(text.replaceAll(/\s+/g, ' ')).toContain(
      'api errors: prometheus.queries.errorShare gives 2 series for service api: aggregate with sum by (service)',
    );
    expect(text.replaceAll(/\s+/g, ' ')).toContain(
      'api saturation: prometheus.queries.saturation gives 2 series for service api: aggregate with max by (service)',
    );
  });
  test('must show what Prometheus knows when the engine does not answer', async () => {
    const down = new Proxy(engine, {
      get: () => async () => {
        throw new OpsError('UNREACHABLE', 'the engine does not answer');
      },
    });
    const input = golden.input.parse({});
    const data = await golden.run(input, contextOf({ metrics: busy(), engine: down }, platform()));
    expect(data).toMatchObject({
      status: 'crit',
      notes: [expect.any(String), 'saturation is not known: the engine does not answer'],
      rows: [{ service: 'api', perSecond: 120, saturation: null }, { service: 'web' }],
    });
  });
  test('must not be well when Prometheus does not answer', async () => {
    const metrics = busy();
    metrics.down = new OpsError('UNREACHABLE', 'prometheus does not answer');
    await expect(shown(golden, metrics, {}, platform())).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });
});
