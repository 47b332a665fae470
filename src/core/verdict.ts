import * as z from 'zod';
import type { ExitCode } from './errors.ts';

/** The one scale of verdicts. `unknown` is "could not observe": neither healthy nor failed. */
export const STATUSES = ['ok', 'skipped', 'warn', 'unknown', 'crit'] as const;

/** A point on the scale, ordered as in `STATUSES` from best to worst. */
export const statusSchema = z.enum(STATUSES).meta({ id: 'Status' });
export type Status = z.infer<typeof statusSchema>;

/** What is said of one observed fact. Sizes are bytes, times milliseconds unless `unit` says otherwise. */
export const verdictSchema = z.object({
  status: statusSchema,
  reason: z.string().describe('one line: what was seen, and why that is good or bad'),
  value: z.number().optional(),
  unit: z.string().optional(),
  threshold: z.number().optional().describe('the limit that decided, in the same unit as value'),
  next: z
    .array(z.string())
    .describe(
      'what an operator would run now: commands for a shell; or of the server itself, for redis-cli (CONFIG SET …) or psql, where SQL ends with a semicolon, behind which a remark may follow',
    ),
});
export type Verdict = z.infer<typeof verdictSchema>;

/** A verdict before it is known who says it: each place adds the commands that lead on from there. */
export type Judgement = Omit<Verdict, 'next'>;

/** A judgement as a verdict; what is well leads nowhere. */
export const leading = (judged: Judgement, next: string[]): Verdict => ({
  ...judged,
  next: judged.status === 'ok' ? [] : next,
});

/** The worst of several statuses; `ok` when there is none. `skipped` never outweighs `ok`. */
export function worst(statuses: Iterable<Status>): Status {
  let index = 0;
  for (const status of statuses) {
    if (status !== 'skipped') index = Math.max(index, STATUSES.indexOf(status));
  }
  return STATUSES[index] ?? 'ok';
}

/** The worst first; in their own order where they are as bad. */
export const worstFirst = <T extends { status: Status }>(judged: readonly T[]): T[] =>
  judged.toSorted((a, b) => STATUSES.indexOf(b.status) - STATUSES.indexOf(a.status));

/**
 * Exit code for a status: `crit` 1, `unknown` 6 (never 0), `warn` 1 only with `failOn: 'warn'`.
 * When some checks are critical and others unknown, the known failure wins.
 */
export function exitOf(status: Status, failOn: 'warn' | 'crit'): ExitCode {
  if (status === 'crit') return 1;
  if (status === 'unknown') return 6;
  return status === 'warn' && failOn === 'warn' ? 1 : 0;
}

/** Shorthand constructors, so that a check reads as a sentence. */
export const verdict = {
  ok: (reason: string, facts: Partial<Verdict> = {}): Verdict => ({ ...facts, status: 'ok', reason, next: [] }),
  warn: (reason: string, next: string[], facts: Partial<Verdict> = {}): Verdict => ({
    ...facts,
    status: 'warn',
    reason,
    next,
  }),
  crit: (reason: string, next: string[], facts: Partial<Verdict> = {}): Verdict => ({
    ...facts,
    status: 'crit',
    reason,
    next,
  }),
  unknown: (reason: string, next: string[]): Verdict => ({ status: 'unknown', reason, next }),
  skipped: (reason: string, next: string[] = []): Verdict => ({ status: 'skipped', reason, next }),
};

/** Two limits of one measure; reaching `warn` or `crit` counts. */
export interface Limits {
  warn: number;
  crit: number;
}

/** Where a value stands against limits; by default more is worse. What is no finite number was not measured: unknown. */
export function against(
  value: number,
  limits: Limits,
  worse: 'more' | 'less' = 'more',
): { status: 'ok' | 'warn' | 'crit' | 'unknown'; threshold: number } {
  if (!Number.isFinite(value)) return { status: 'unknown', threshold: limits.warn };
  const reached = (limit: number): boolean => (worse === 'more' ? value >= limit : value <= limit);
  if (reached(limits.crit)) return { status: 'crit', threshold: limits.crit };
  if (reached(limits.warn)) return { status: 'warn', threshold: limits.warn };
  return { status: 'ok', threshold: limits.warn };
}
