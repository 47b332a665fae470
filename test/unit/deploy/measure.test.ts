import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { releaseSeriesSchema } from '../../../src/core/deploy-options.ts';
import { OpsError } from '../../../src/core/errors.ts';
import type { Sample } from '../../../src/core/ports/metrics.ts';
import { type Measured, measure, type Window } from '../../../src/deploy/measure.ts';
import { fakeMetrics } from '../../support/fakes/metrics.ts';

/** What is asked, when, and what is made of the answers: of requests, errors and buckets, in this order. */
async function asked(more: Partial<Window & { series: object; answers: Sample[][] }> = {}) {
  const { series = {}, answers = [], ...window } = more;
  const metrics = fakeMetrics();
  const queries: string[] = [];
  const times: (string | undefined)[] = [];
  metrics.query = async (promql, at) => {
    times.push(at);
    return answers[queries.push(promql) - 1] ?? [];
  };
  const whole: Window = { service: 'api', version: 'v2', forMs: 60_000, ...window };
  const measured: Measured = await measure(metrics, releaseSeriesSchema.parse(series), whole);
  return { queries, times, measured };
}
const sample = (value: number, labels: Record<string, string> = {}): Sample => ({ labels, value });

describe('what Prometheus is asked of a version', () => {
  test('must be how much its counters grew, with series that are new counted from 0', async () => {
    const { queries, times } = await asked();
    expect(queries.join('\n')).toMatchInlineSnapshot(`
      "sum((increase(http_requests_total{service="api",version="v2"}[60s]) and http_requests_total{service="api",version="v2"} offset 60s) or (http_requests_total{service="api",version="v2"} unless http_requests_total{service="api",version="v2"} offset 60s))
      sum((increase(http_requests_total{service="api",version="v2",status=~"5.."}[60s]) and http_requests_total{service="api",version="v2",status=~"5.."} offset 60s) or (http_requests_total{service="api",version="v2",status=~"5.."} unless http_requests_total{service="api",version="v2",status=~"5.."} offset 60s))
      sum by (le) ((increase(http_request_duration_seconds_bucket{service="api",version="v2"}[60s]) and http_request_duration_seconds_bucket{service="api",version="v2"} offset 60s) or (http_request_duration_seconds_bucket{service="api",version="v2"} unless http_request_duration_seconds_bucket{service="api",version="v2"} offset 60s))"
    `);
    expect(times).toEqual([undefined, undefined, undefined]);
  });

  test('must be asked of the time at which the window ends, in whole seconds', async () => {
    const until = '2026-03-01T12:00:00.000Z';
    const { queries, times } = await asked({ until, forMs: 15_400, series: { requests: 'hits' } });
    expect(queries[0]).toBe('sum((increase(hits[15s]) and hits offset 15s) or (hits unless hits offset 15s))');
    expect(times).toEqual([until, until, until]);
  });

  test('must be what the configuration says, with service and version filled in wherever they stand', async () => {
    const { queries } = await asked({
      series: { requests: 'a{s="$service",v="$version",x="$versions",y="$service-$version"}' },
    });
    expect(queries[0]).toContain('a{s="api",v="v2",x="$versions",y="api-v2"}[60s]');
  });

  test('must not be changed by what a name contains', async () => {
    const { queries } = await asked({
      service: '$version',
      version: 'v"} or vector(1) #\\\n',
      series: { requests: 'a{s="$service",v="$version"}' },
    });
    expect(queries[0]).toContain(String.raw`a{s="$version",v="v\"} or vector(1) #\\\n"}[60s]`);
    await fc.assert(
      fc.asyncProperty(fc.string(), async (version) => {
        const made = (await asked({ version, series: { requests: 'a{v="$version"}' } })).queries[0] ?? '';
        const [, literal = ''] = /^sum\(\(increase\(a\{v=("(?:[^"\\\n]|\\.)*")\}\[60s\]\)/.exec(made) ?? [];
        const unescaped = literal.slice(1, -1).replaceAll(/\\(.)/g, (_, one) => (one === 'n' ? '\n' : String(one)));
        expect(unescaped).toBe(version);
      }),
    );
  });
});

describe('what it counted', () => {
  test('must be numbers and buckets in milliseconds', async () => {
    const buckets = [sample(90, { le: '0.25' }), sample(100, { le: '+Inf' })];
    const { measured } = await asked({ answers: [[sample(100.5)], [sample(2)], buckets] });
    expect(measured).toEqual({
      requests: 100.5,
      errors: 2,
      buckets: [
        { leMs: 250, count: 90 },
        { leMs: Infinity, count: 100 },
      ],
    });
  });

  test('must be nothing where nobody exported it', async () => {
    expect((await asked()).measured).toEqual({ requests: 0, errors: 0, buckets: [] });
  });

  test('must not be nothing where Prometheus cannot be asked', async () => {
    const metrics = fakeMetrics();
    metrics.down = new OpsError('UNREACHABLE', 'down');
    const window = { service: 'api', version: 'v2', forMs: 60_000 };
    await expect(measure(metrics, releaseSeriesSchema.parse({}), window)).rejects.toMatchObject({
      code: 'UNREACHABLE',
    });
  });
});
