import { describe, expect, it } from 'vitest';

import { certificateTrouble, httpService } from '../../../src/checks/http-service.ts';
import { OpsError } from '../../../src/core/errors.ts';

const judged = (status: number, total = 10, componentsDown: string[] = []): ReturnType<typeof httpService> =>
  httpService({
    name: 'api',
    answer: { status, timings: { connect: 1, firstByte: 2, total } },
    componentsDown,
    limits: { warn: 1000, crit: 3000 },
  });

describe('a service by its health URL', () => {
  it.each([
    [200, 10, 'ok', 'answers 200 in 10 ms'],
    [302, 10, 'ok', 'answers 302 in 10 ms'],
    [200, 1000, 'warn', 'answers 200, but takes 1 s'],
    [200, 3000, 'crit', 'answers 200, but takes 3 s'],
    [404, 10, 'crit', 'answers 404'],
    [500, 10, 'crit', 'answers 500'],
    [502, 10, 'crit', 'answers 502: nothing behind the load balancer answers'],
    [504, 10, 'crit', 'answers 504: it did not answer the load balancer in time'],
  ])('that answers %d after %d ms must be %s', (status, total, expected, reason) => {
    expect(judged(status, total)).toMatchObject({ status: expected, reason });
  });

  it('must only be warned of when it blames a part that has a check of its own', () => {
    expect(judged(503, 10, ['database', 'redis'])).toMatchObject({
      status: 'warn',
      reason: 'answers 503 because it reports down: database, redis',
      next: ['opsctl health --detailed --only database', 'opsctl health --detailed --only redis'],
    });
  });

  it('must not be well when its time is no number', () => {
    expect(judged(200, Number.NaN).status).toBe('unknown');
  });

  it.each([
    ['CERT_HAS_EXPIRED', 'everybody'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'perhaps only us'],
  ])('whose certificate fails with %s must be refused by %s', (code, whom) => {
    const details = { code, certificate: true };
    expect(certificateTrouble(new OpsError('BAD_ANSWER', 'x', { details }))).toBe(whom);
    expect(certificateTrouble(new OpsError('BAD_ANSWER', 'x', { details: { code } }))).toBeUndefined();
    expect(certificateTrouble(new OpsError('UNREACHABLE', 'x', { details }))).toBeUndefined();
  });
});
