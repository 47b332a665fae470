import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { openMetrics } from '../../src/adapters/prometheus.ts';
import { Secret } from '../../src/core/secret.ts';
import { pointedAt } from '../../src/metrics/mistake.ts';
import type { MetricsReader, Sample, Series } from '../../src/core/ports/metrics.ts';
import { fakeMetrics } from '../support/fakes/metrics.ts';
import { openServers } from '../support/http-servers.ts';
import { startPrometheus, type RunningPrometheus } from '../support/prometheus.ts';

interface World {
  reader: MetricsReader;
  /** Makes the query give that, where it does not by itself. */
  given(promql: string, samples: Sample[]): void;
  /** The same over time. */
  givenSeries(promql: string, series: Series[]): void;
  goneInstance: string;
  close(): Promise<void>;
}

/** What every MetricsReader does, seen on a Prometheus with one good and one dead target, and two alerts. */
function contract(name: string, open: () => Promise<World>): void {
  describe(`metrics contract: ${name}`, () => {
    let world: World;
    beforeAll(async () => {
      world = await open();
    });
    afterAll(() => world.close());

    test.each<[string, Sample[]]>([
      ['label_replace(vector(42), "service", "api", "", "")', [{ labels: { service: 'api' }, value: 42 }]],
      ['1 + 1', [{ labels: {}, value: 2 }]],
      ['vector(0) / 0', [{ labels: {}, value: NaN }]],
      ['vector(1) / 0', [{ labels: {}, value: Infinity }]],
      ['vector(-1) / 0', [{ labels: {}, value: -Infinity }]],
      ['vector(1.5e9)', [{ labels: {}, value: 1.5e9 }]],
    ])('%s', async (promql, samples) => {
      world.given(promql, samples);
      expect(await world.reader.query(promql)).toEqual(samples);
    });

    test('a metric that nobody exports gives no samples', async () => {
      expect(await world.reader.query('no_such_metric')).toEqual([]);
    });

    test('a mistake in PromQL is rejected with the text of the server', async () => {
      await expect(world.reader.query('sum(up')).rejects.toMatchObject({
        code: 'REJECTED',
        message: expect.stringMatching(/parse error: unclosed left parenthesis/) as string,
      });
    });

    const at = '2026-03-01T12:00:00.000Z';
    const window = { from: '2026-03-01T11:59:00.000Z', to: at, stepMs: 30_000 };
    const labelled = (names: string[]): string =>
      names.map((name) => `label_replace(vector(1), "name", "${name}", "", "")`).join(' or ');
    const times = ['2026-03-01T11:59:00.000Z', '2026-03-01T11:59:30.000Z', at];

    test('as many series as are wanted, and whether there are more', async () => {
      const promql = labelled(['a', 'b', 'c']);
      const value = (name: string): Sample => ({ labels: { name }, value: 1 });
      world.given(promql, ['a', 'b', 'c'].map(value));
      expect(await world.reader.instant(promql, at, { series: 3, ms: 5000 })).toMatchObject({ more: false });
      const two = await world.reader.instant(promql, at, { series: 2, ms: 5000 });
      expect([two.series.length, two.more]).toEqual([2, true]);
    });

    test('a series over time, with each of its points', async () => {
      const promql = 'vector(time())';
      const points = times.map((time) => ({ at: time, value: Date.parse(time) / 1000 }));
      world.givenSeries(promql, [{ labels: {}, points }]);
      const answer = await world.reader.range(promql, window, { series: 5, ms: 5000 });
      expect(answer).toEqual({ series: [{ labels: {}, points }], more: false, remarks: [] });
    });

    test('values over time that are no numbers, and no series at all', async () => {
      const promql = 'vector(0) / 0';
      world.givenSeries(promql, [{ labels: {}, points: times.map((time) => ({ at: time, value: NaN })) }]);
      const { series } = await world.reader.range(promql, window, { series: 5, ms: 5000 });
      expect(series[0]?.points.map(({ value }) => value)).toEqual([NaN, NaN, NaN]);
      expect((await world.reader.range('no_such_metric', window, { series: 5, ms: 5000 })).series).toEqual([]);
    });

    test('where a mistake is', async () => {
      const bounds = { series: 1, ms: 5000 };
      const place = { code: 'REJECTED', details: { line: 1, column: 7 } };
      await expect(world.reader.instant('sum(up', at, bounds)).rejects.toMatchObject(place);
      await expect(world.reader.range('sum(up', window, bounds)).rejects.toMatchObject(place);
    });

    test('targets, by job', async () => {
      const targets = await world.reader.targets();
      expect(targets.map(({ job, health }) => ({ job, health }))).toEqual([
        { job: 'gone', health: 'down' },
        { job: 'prometheus', health: 'up' },
      ]);
      expect(targets[0]).toMatchObject({
        instance: world.goneInstance,
        lastError: expect.stringContaining('refused') as string,
      });
      expect(targets[1]).toMatchObject({
        lastError: '',
        lastScrapeAt: expect.stringMatching(/^20\d\d-.*Z$/) as string,
      });
    });

    test('alerts', async () => {
      const alerts = await world.reader.alerts();
      expect(alerts.find((alert) => alert.name === 'Fires')).toMatchObject({
        state: 'firing',
        severity: 'critical',
        summary: 'it fires',
      });
      expect(alerts.find((alert) => alert.name === 'Waits')).toMatchObject({
        state: 'pending',
        severity: 'warning',
        summary: '',
      });
      for (const { activeAt } of alerts) expect(activeAt).toMatch(/^20\d\d-.*Z$/);
    });
  });
}

contract('the fake', async () => {
  const reader = fakeMetrics();
  const at = new Date().toISOString();
  reader.scraped = [
    { job: 'gone', instance: 'gone:1', health: 'down', lastError: 'connection refused', lastScrapeAt: at },
    { job: 'prometheus', instance: 'localhost:9090', health: 'up', lastError: '', lastScrapeAt: at },
  ];
  reader.raised = [
    { name: 'Fires', state: 'firing', severity: 'critical', activeAt: at, labels: {}, summary: 'it fires' },
    { name: 'Waits', state: 'pending', severity: 'warning', activeAt: at, labels: {}, summary: '' },
  ];
  return {
    reader,
    goneInstance: 'gone:1',
    given: (promql, samples) => void reader.samples.set(promql, samples),
    givenSeries: (promql, series) => void reader.series.set(promql, series),
    close: async () => undefined,
  };
});

const real = async (prefix: string): Promise<World> => {
  const prometheus = await startPrometheus({ prefix });
  return {
    reader: openMetrics({ url: async () => ({ url: prometheus.url, how: 'its URL' }), directory: '/' }),
    given: () => undefined,
    givenSeries: () => undefined,
    goneInstance: prometheus.goneInstance,
    close: prometheus.stop,
  };
};
contract('prometheus', () => real(''));

describe('prometheus itself', () => {
  let prometheus: RunningPrometheus;
  beforeAll(async () => {
    prometheus = await startPrometheus({ prefix: '/metrics-of/shop' });
  });
  afterAll(() => prometheus.stop());

  test('a path prefix, a query too long for a URL, and results that are not one number a series', async () => {
    const reader = openMetrics({ url: async () => ({ url: `${prometheus.url}/`, how: 'its URL' }), directory: '/' });
    const long = Array.from({ length: 600 }, () => 'vector(1)').join(' + ');
    expect(await reader.query(long)).toEqual([{ labels: {}, value: 600 }]);
    for (const promql of ['up[5m]', '"text"'])
      await expect(reader.query(promql)).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('mistakes', () => {
  let prometheus: RunningPrometheus;
  beforeAll(async () => {
    prometheus = await startPrometheus();
  });
  afterAll(() => prometheus.stop());

  test.each([
    // One behind the bracket: so the server says it.
    ['sum(up))', 'sum(up))\n        ^'],
    ['up{job="ä",}}', 'up{job="ä",}}\n            ^'],
    ['sum by (job) (\n  nosuch(up)\n)', '  nosuch(up)\n  ^'],
    ['up == bool 1 and', 'up == bool 1 and\n                ^'],
  ])('%j must be pointed at', async (promql, query) => {
    const reader = openMetrics({ url: async () => ({ url: prometheus.url, how: 'its URL' }), directory: '/' });
    const asked = reader.instant(promql, new Date().toISOString(), { series: 1, ms: 5000 });
    const error = await asked.then(
      () => undefined,
      (thrown: unknown) => pointedAt(promql, thrown),
    );
    expect([error?.code, error?.details?.['query']]).toEqual(['USAGE', query]);
  });
});

describe('what is no Prometheus, or an ill one', () => {
  const servers = openServers();
  afterAll(() => servers.close());
  const answering = async (
    status: number,
    body: string,
    headers: Record<string, string> = {},
  ): Promise<MetricsReader> => {
    const url = await servers.http((_request, response) => response.writeHead(status, headers).end(body));
    return openMetrics({ url: async () => ({ url, how: 'its URL' }), directory: '/' });
  };
  const vector = (value: string): string =>
    `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1,${value}]}]}}`;

  test.each([
    ['an HTML page', 200, '<html>login</html>', 'BAD_ANSWER'],
    ['a redirect to a login', 302, '', 'BAD_ANSWER'],
    ['nothing there', 404, 'not found', 'BAD_ANSWER'],
    ['no credentials', 401, '', 'AUTH_FAILED'],
    ['a proxy without it behind', 502, '<html>Bad Gateway</html>', 'NOT_READY'],
    ['starting', 503, 'Service Unavailable', 'NOT_READY'],
    [
      'a query that took too long',
      503,
      '{"status":"error","errorType":"timeout","error":"query timed out"}',
      'TIMED_OUT',
    ],
    ['a query that failed', 422, '{"status":"error","errorType":"execution","error":"many-to-many"}', 'REJECTED'],
    ['JSON cut short', 200, vector('"1"').slice(0, 60), 'BAD_ANSWER'],
    ['JSON of something else', 200, '{"status":"success","data":{"resultType":"vector","result":{}}}', 'BAD_ANSWER'],
    ['null', 200, 'null', 'BAD_ANSWER'],
    ['a sample that is a number', 200, vector('1'), 'BAD_ANSWER'],
    ['a sample that is no number', 200, vector('"0x10"'), 'BAD_ANSWER'],
    [
      'a native histogram',
      200,
      '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{}]}]}}',
      'REJECTED',
    ],
  ])('%s', async (_name, status, body, code) => {
    const reader = await answering(status, body);
    await expect(reader.query('up')).rejects.toMatchObject({ code, hint: expect.any(String) as unknown });
  });

  test('more than 10 MiB is not read, however well compressed', async () => {
    const { gzipSync } = await import('node:zlib');
    const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024, ' ')).toString('latin1');
    const url = await servers.http((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb, 'latin1'),
    );
    const reader = openMetrics({ url: async () => ({ url, how: 'its URL' }), directory: '/' });
    await expect(reader.query('up')).rejects.toMatchObject({
      code: 'BAD_ANSWER',
      message: expect.stringContaining('more than') as string,
    });
  });

  test('a range that is none must not be believed', async () => {
    const window = { from: '2026-03-01T11:59:00.000Z', to: '2026-03-01T12:00:00.000Z', stepMs: 30_000 };
    const asked = async (body: string): Promise<unknown> =>
      (await answering(200, body)).range('up', window, { series: 1, ms: 5000 });
    const matrix = (values: string): string =>
      `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},${values}}]}}`;
    await expect(asked(vector('"1"'))).rejects.toMatchObject({
      code: 'BAD_ANSWER',
      message: 'prometheus answered the range request with data of another form',
      hint: expect.stringContaining('opsctl config show prometheus --origin') as unknown,
    });
    await expect(asked(matrix('"values":[[1,"x"]]'))).rejects.toMatchObject({ code: 'BAD_ANSWER' });
    await expect(asked(matrix('"histograms":[]'))).rejects.toMatchObject({ code: 'REJECTED' });
    await expect(asked('<html>login</html>')).rejects.toMatchObject({ code: 'BAD_ANSWER' });
  });

  test('what the server remarks is passed on, bounded', async () => {
    const remarks = JSON.stringify(Array.from({ length: 50 }, () => 'x'.repeat(5000)));
    const reader = await answering(200, vector('"1"').replace('{', `{"warnings":${remarks},`));
    const answer = await reader.instant('up', new Date().toISOString(), { series: 1, ms: 5000 });
    expect([answer.remarks.length, answer.remarks[0]?.length]).toEqual([10, 500]);
  });

  test('one that never answers is given 3 s', async () => {
    const url = await servers.http(() => undefined);
    const reader = openMetrics({ url: async () => ({ url, how: 'its URL' }), directory: '/' });
    const began = performance.now();
    await expect(reader.alerts()).rejects.toMatchObject({
      code: 'TIMED_OUT',
      hint: 'See whether it runs where it is hosted, or correct prometheus.url in the configuration and run: opsctl config check.',
    });
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  test('the bearer token is sent and never shown; the place is looked up again after a failure', async () => {
    let got: string | undefined;
    const url = await servers.http((request, response) => {
      got = request.headers.authorization;
      response.writeHead(403).end('token tok-12345 is not known');
    });
    let lookups = 0;
    const place = async (): Promise<{ url: string; how: string }> => {
      lookups += 1;
      return { url, how: 'its URL' };
    };
    const reader = openMetrics({ url: place, bearer: async () => new Secret('tok-12345'), directory: '/' });
    const error: unknown = await reader.targets().catch((thrown: unknown) => thrown);
    expect(got).toBe('Bearer tok-12345');
    expect(error).toMatchObject({ code: 'AUTH_FAILED' });
    expect(String(error) + JSON.stringify(error)).not.toContain('tok-12345');
    await reader.targets().catch(() => undefined);
    expect(lookups).toBe(2);
  });
});
