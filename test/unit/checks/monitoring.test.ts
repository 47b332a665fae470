import { describe, expect, it } from 'vitest';

import { certificate } from '../../../src/checks/certificate.ts';
import { disk } from '../../../src/checks/host.ts';
import { alerts, targets, traffic } from '../../../src/checks/monitoring.ts';
import { thresholdsSchema } from '../../../src/core/thresholds.ts';
import type { Alert, ScrapeTarget } from '../../../src/core/ports/metrics.ts';

const limits = thresholdsSchema.parse({});
const target = (job: string, health: ScrapeTarget['health']): ScrapeTarget => ({
  job,
  instance: `${job}:1`,
  health,
  lastError: '',
  lastScrapeAt: '',
});
const alert = (name: string, severity: string, state: Alert['state'] = 'firing'): Alert => ({
  name,
  severity,
  state,
  activeAt: '',
  labels: {},
  summary: '',
});

describe('scrape targets', () => {
  it.each([
    [[], 'warn'],
    [[target('a', 'up'), target('b', 'unknown')], 'ok'],
    [[target('a', 'up'), target('b', 'down')], 'warn'],
    [[target('a', 'down'), target('b', 'down')], 'crit'],
  ])('%# must be judged by how many are down', (list, status) => {
    expect(targets(list, undefined).status).toBe(status);
  });
});

describe('alerts', () => {
  it.each([
    [[], 'ok', 'no alert fires'],
    [[alert('A', 'critical', 'pending')], 'ok', 'no alert fires, 1 pending'],
    [[alert('A', 'warning'), alert('A', 'warning')], 'warn', '2 alerts firing: A'],
    [[alert('A', 'low'), alert('B', 'Page')], 'crit', '2 alerts firing: A, B'],
    [[alert('Watchdog', 'none'), alert('InfoInhibitor', 'Info')], 'ok', 'no alert fires, 2 that call nobody'],
    [[alert('A', ''), alert('B', 'informational'), alert('C', 'critical', 'pending')], 'warn', '1 alert firing: A'],
    [[alert('A', 'none'), alert('B', 'critical', 'pending')], 'ok', 'no alert fires, 1 pending, 1 that calls nobody'],
  ])('%# must be judged by their own severity', (list, status, reason) => {
    expect(alerts(list)).toMatchObject({ status, reason });
  });
});

describe('traffic', () => {
  const api = { service: 'api', label: 'shop-api', mapped: false };

  it('must tell errors that never happened from errors that nobody counts', () => {
    expect(traffic({ ...api, perSecond: 5 }, limits)).toMatchObject({
      errors: { status: 'ok', value: 0 },
      latency: { status: 'skipped' },
    });
    expect(traffic({ ...api, perSecond: 0 }, limits)).toMatchObject({
      requests: { status: 'ok', value: 0 },
      errors: { status: 'skipped' },
    });
    expect(traffic({ ...api, perSecond: 5, errorShare: Number.NaN }, limits)['errors'].status).toBe('unknown');
  });

  it.each([
    [{}, 'skipped', 'prometheus has no sample for service="shop-api"'],
    [{ mapped: true }, 'unknown', 'prometheus has no sample for service="shop-api"'],
    [{ perSecond: Number.NaN }, 'unknown', 'prometheus has no number for service="shop-api"'],
  ])('%j without a count must not pass for calm', (facts, status, reason) => {
    const one = { status, reason, next: [expect.any(String), expect.stringContaining('services.api.metrics')] };
    expect(traffic({ ...api, ...facts }, limits)).toEqual({ requests: one, errors: one, latency: one });
  });

  it('must take none of several samples of a service', () => {
    const several = { requestRate: 3, errorShare: 2, p95: 2 };
    expect(traffic({ ...api, several }, limits)).toMatchObject({
      requests: {
        status: 'unknown',
        reason: 'prometheus.queries.requestRate gives 3 series for service api: aggregate with sum by (service) (…)',
      },
      errors: {
        status: 'unknown',
        reason:
          'prometheus.queries.errorShare gives 2 series for service api: aggregate with sum by (service) (…) / sum by (service) (…)',
        next: ['opsctl config show prometheus.queries --origin'],
      },
      latency: { status: 'unknown' },
    });
    // No series of errors means none only where there are requests.
    expect(traffic({ ...api, several: { requestRate: 3 } }, limits)['errors'].status).toBe('unknown');
    expect(traffic({ ...api, errorShare: 0.9, several: { requestRate: 3 } }, limits)['errors'].status).toBe('crit');
    expect(traffic({ ...api, perSecond: 5, several: { p95: 2 } }, limits)).toMatchObject({
      requests: { status: 'ok' },
      errors: { status: 'ok' },
      latency: { status: 'unknown' },
    });
  });

  it('must say where to look when requests fail', () => {
    expect(traffic({ ...api, perSecond: 5, errorShare: 0.06, p95Ms: Number.NaN }, limits)).toMatchObject({
      errors: {
        status: 'crit',
        threshold: 0.05,
        next: ['opsctl logs api --errors', 'opsctl history', 'opsctl stats api'],
      },
      latency: { status: 'skipped' },
    });
  });
});

describe('a certificate', () => {
  const now = Date.parse('2026-03-01T12:00:00Z');
  const facts = {
    subject: 'CN=shop',
    issuer: '',
    names: ['shop.example'],
    notBefore: '2026-01-01T00:00:00.000Z',
    fingerprint256: '',
  };
  it.each([
    ['2026-06-01T00:00:00.000Z', 'ok', 'ends in 91 days (2026-06-01), shop.example'],
    ['2026-03-22T12:00:00.000Z', 'warn', 'ends in 21 days (2026-03-22), shop.example'],
    ['2026-03-02T13:00:00.000Z', 'crit', 'ends in 1 day (2026-03-02), shop.example'],
    ['2026-02-28T13:00:00.000Z', 'crit', 'ended 1 day ago (2026-02-28)'],
  ])('that ends at %s must be %s', (notAfter, status, reason) => {
    expect(certificate({ ...facts, notAfter }, limits.certificateDays, now)).toMatchObject({ status, reason });
  });
});

it('must judge a disk by the share in use, and say who saw it', () => {
  expect(disk({ path: '/var/lib/docker', size: 1e11, free: 4e9 }, 'the engine', limits.disk)).toEqual({
    status: 'crit',
    reason: '96 % of 93.1 GiB used at /var/lib/docker, 3.73 GiB free (seen by the engine)',
    value: 0.96,
    unit: 'share',
    threshold: 0.95,
    next: ['opsctl volume --sizes', 'docker system df'],
  });
});
