import { OpsError } from '../core/errors.ts';

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/**
 * A point in time as people type it: a length before now (`30s`, `10m`, `1h30m`, `2d`), an ISO time
 * (without a zone: the reader's own), a date (its first moment, in the reader's zone) or Unix seconds.
 * @throws USAGE
 */
export function pointInTime(text: string, now: Date, flag: string): string {
  const ago = /^(?:\d+[smhdw])+$/.test(text) ? agoMs(text) : undefined;
  if (ago !== undefined) return iso(now.getTime() - ago, text, flag);
  if (/^\d{9,11}(?:\.\d+)?$/.test(text)) return iso(Number(text) * 1000, text, flag);
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return iso(Date.parse(`${text}T00:00`), text, flag);
  if (/^\d{4}-\d\d-\d\d[T ]/.test(text)) return iso(Date.parse(text.replace(' ', 'T')), text, flag);
  throw notATime(text, flag);
}

function agoMs(text: string): number {
  return [...text.matchAll(/(\d+)([smhdw])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ''] ?? 0),
    0,
  );
}

function iso(ms: number, text: string, flag: string): string {
  const at = new Date(ms);
  if (Number.isNaN(at.getTime()) || at.getTime() < 0) throw notATime(text, flag);
  return at.toISOString();
}

const notATime = (text: string, flag: string): OpsError =>
  new OpsError('USAGE', `${flag}: ${text} is no time`, {
    hint: `Write a length before now (${flag} 10m, ${flag} 1h30m, ${flag} 2d) or an ISO time (${flag} 2026-03-01T14:05).`,
  });

/** Orders the engine's stamps, whose fractions of a second may differ in length. */
export const earlier = (a: string, b: string): number => {
  const [left, right] = [stampKey(a), stampKey(b)];
  return left < right ? -1 : left > right ? 1 : 0;
};

/** `2026-03-01T14:05:09.5Z` as a text that sorts: nine digits of fraction, no zone. */
function stampKey(at: string): string {
  const [seconds = '', fraction = ''] = at.replace(/Z$/, '').split('.');
  return `${seconds}.${fraction.padEnd(9, '0')}`;
}
