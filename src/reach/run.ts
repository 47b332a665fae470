import { setTimeout as sleep } from 'node:timers/promises';

import { asOpsError, type ErrorCode } from '../core/errors.ts';
import { duration } from '../core/format.ts';
import { type Verdict, verdict } from '../core/verdict.ts';

/** One thing that the configuration names, and how to see whether it is there. */
export interface Target {
  /** Path in the configuration. */
  target: string;
  /** What to look at next when it cannot be reached. */
  next: string[];
  look: () => Promise<Verdict>;
}

/** What was seen of one target. */
export interface Reached extends Verdict {
  target: string;
  durationMs: number;
}

/** What says that the configuration names something that is not so; all else only hinders looking. */
const WRONG = new Set<ErrorCode>([
  'NOT_FOUND',
  'NOT_CONFIGURED',
  'CONFIG_INVALID',
  'SECRET_MISSING',
  'AUTH_FAILED',
  'USAGE',
]);

/** Looks at all targets at once, each with its own deadline. In the order given; never throws. */
export async function lookAtAll(targets: Target[], timeoutMs: number): Promise<Reached[]> {
  return await Promise.all(targets.map((target) => lookAt(target, timeoutMs)));
}

async function lookAt({ target, next, look }: Target, timeoutMs: number): Promise<Reached> {
  const began = performance.now();
  const timer = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: timer.signal }).catch(() => undefined);
  const seen = Promise.resolve()
    .then(look)
    .catch((thrown: unknown) => failed(thrown, next));
  const first = await Promise.race([seen, late]);
  timer.abort();
  const result = first ?? verdict.unknown(`no answer within ${duration(timeoutMs)}`, next);
  return { target, ...result, durationMs: Math.round(performance.now() - began) };
}

function failed(thrown: unknown, next: string[]): Verdict {
  const error = asOpsError(thrown);
  return WRONG.has(error.code) ? verdict.crit(error.message, next) : verdict.unknown(error.message, next);
}
