/** Kinds of values that the configuration has everywhere. */
import * as z from 'zod';

export const text = z.string().min(1);
export const milliseconds = z.number().int().positive();

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** A length of time as it is typed: `90s`, `2m`. */
export const durationText = z
  .string()
  .regex(/^[1-9]\d{0,5}(?:ms|s|m|h)$/, 'expected a length of time such as 90s or 2m');

/** What a length of time is in ms; 0 for what is none. */
export function durationMs(typed: string): number {
  const [, number, unit] = /^(\d+)(ms|s|m|h)$/.exec(typed) ?? [];
  return unit === 'ms' || unit === 's' || unit === 'm' || unit === 'h' ? Number(number) * UNITS[unit] : 0;
}
