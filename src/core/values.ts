/** Kinds of values that the configuration has everywhere. */
import * as z from 'zod';

export const text = z.string().min(1);
export const milliseconds = z.number().int().positive();

/** An address over HTTP, never with a login: it is shown, and written down in plans and the journal. @param instead what to do instead */
export const address = (instead: string): z.ZodURL =>
  z
    .url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' })
    .refine((value) => !holdsLogin(value), `holds a login, which would be shown and journalled; ${instead}`);

function holdsLogin(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { username, password, searchParams } = new URL(value);
  return username !== '' || password !== '' || searchParams.has('password');
}

/** A URL that opsctl itself would have to keep secret: its place is behind a reference. */
export const withoutPassword = text.refine(
  (value) => !/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*:[^/?#]*@/i.test(value) && !/[?&]password=/i.test(value),
  'holds a password; put the password behind `password:`, or the whole URL behind a reference such as { env: NAME }',
);

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** Longer than anybody waits for a command, in ms; three times as long, a timer still bears. */
const LONGEST_MS = 7 * 24 * UNITS.h;

/** A length of time as it is typed: `90s`, `2m`; at most a week. */
export const durationText = z
  .string()
  .regex(/^[1-9]\d{0,5}(?:ms|s|m|h)$/, 'expected a length of time such as 90s or 2m')
  .refine((typed) => durationMs(typed) <= LONGEST_MS, 'expected 168h at most');

/** What a length of time is in ms; 0 for what is none. */
export function durationMs(typed: string): number {
  const [, number, unit] = /^(\d+)(ms|s|m|h)$/.exec(typed) ?? [];
  return unit === 'ms' || unit === 's' || unit === 'm' || unit === 'h' ? Number(number) * UNITS[unit] : 0;
}
