import { duration } from '../core/format.ts';
import type { OpsError } from '../core/errors.ts';
import type { HttpAnswer } from '../core/ports/http.ts';
import { against, type Limits, type Verdict, verdict } from '../core/verdict.ts';

/** What was seen of a service from outside. */
export interface ServiceFacts {
  name: string;
  answer: Pick<HttpAnswer, 'status' | 'timings'>;
  /** Parts that the health answer itself reports as down. */
  componentsDown: string[];
  limits: Limits;
}

/**
 * Certificate failures that every client sees, by the code of the TLS library. All others, such as an authority that
 * is not known here, may be a matter of our own configuration.
 */
const REFUSED_BY_ALL = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
]);

/** Whether a failed look failed for the certificate alone: the server is there, but is not believed. */
export function certificateTrouble(error: OpsError): 'everybody' | 'perhaps only us' | undefined {
  if (error.code !== 'BAD_ANSWER' || error.details?.['certificate'] !== true) return undefined;
  return REFUSED_BY_ALL.has(String(error.details['code'])) ? 'everybody' : 'perhaps only us';
}

/** Statuses by which a proxy says that the server behind it did not answer (RFC 9110, 15.6.3 to 15.6.5). */
const FROM_PROXY: Record<number, string> = {
  502: 'nothing behind the load balancer answers',
  503: 'not available',
  504: 'it did not answer the load balancer in time',
};

/**
 * A service by its health URL. When the service itself answers and blames a part that has a check of its own,
 * it is a warning here, so that only the cause shows as critical.
 */
export function httpService(facts: ServiceFacts): Verdict {
  const { name, answer } = facts;
  const total = answer.timings.total;
  const measured = { value: Math.round(total), unit: 'ms' };
  if (answer.status >= 200 && answer.status < 400) {
    const { status, threshold } = against(total, facts.limits);
    if (status === 'ok')
      return verdict.ok(`answers ${answer.status.toString()} in ${duration(total)}`, { ...measured, threshold });
    return {
      status,
      reason: `answers ${answer.status.toString()}, but takes ${duration(total)}`,
      ...measured,
      threshold,
      next: [`opsctl stats ${name}`, `opsctl trace ${name}`],
    };
  }
  if (facts.componentsDown.length > 0) {
    return verdict.warn(
      `answers ${answer.status.toString()} because it reports down: ${facts.componentsDown.join(', ')}`,
      facts.componentsDown.map(nextFor),
      measured,
    );
  }
  const why = FROM_PROXY[answer.status];
  return verdict.crit(
    `answers ${answer.status.toString()}${why === undefined ? '' : `: ${why}`}`,
    [
      `opsctl status ${name}`,
      // Where visitors are sent, and whether anything is there.
      ...(why === undefined ? [] : ['opsctl deploy status']),
      `opsctl logs ${name} --errors`,
      'opsctl history',
    ],
    measured,
  );
}

const nextFor = (part: string): string => `opsctl health --detailed --only ${part}`;
