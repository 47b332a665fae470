import { plural } from '../core/format.ts';
import type { Certificate } from '../core/ports/http.ts';
import { against, type Limits, type Verdict, verdict } from '../core/verdict.ts';

const DAY_MS = 86_400_000;

/** Days until a certificate ends, and whether clients would trust it. */
export function certificate(facts: Certificate, limits: Limits, nowMs: number): Verdict {
  const days = Math.floor((Date.parse(facts.notAfter) - nowMs) / DAY_MS);
  // Renewing is for whoever issues it; loading the new one is the part that is forgotten.
  const next = ['opsctl lb reload'];
  const measured = { value: days, unit: 'days', threshold: limits.warn };
  if (days < 0)
    return verdict.crit(`ended ${plural(-days, 'day')} ago (${facts.notAfter.slice(0, 10)})`, next, measured);
  if (Date.parse(facts.notBefore) > nowMs)
    return verdict.crit(`is not valid before ${facts.notBefore.slice(0, 10)}`, next, measured);
  const { status, threshold } = against(days, limits, 'less');
  const until = `ends in ${plural(days, 'day')} (${facts.notAfter.slice(0, 10)}), ${facts.names[0] ?? facts.subject}`;
  if (status !== 'ok') return { status, reason: until, value: days, unit: 'days', threshold, next };
  if (facts.untrusted !== undefined)
    return verdict.warn(
      `${until}; not trusted: ${facts.untrusted}; name a private authority with tls.ca`,
      ['opsctl config show certificates'],
      measured,
    );
  return verdict.ok(until, measured);
}
