/** How much a scan may cost, as it is typed. */
import * as z from 'zod';

import { durationMs, durationText } from '../core/values.ts';

/** A scan ends at whichever comes first. */
export interface Budget {
  keys: number;
  ms: number;
}

const DEFAULT: Budget = { keys: 100_000, ms: 10_000 };
/** The most that is spent, whatever is typed. */
const MOST: Budget = { keys: 100_000_000, ms: 600_000 };

/** `100k` keys or `10s`. */
export const budgetText = z
  .union([z.string().regex(/^[1-9]\d{0,8}k?$/), durationText], {
    error: 'expected a number of keys such as 100k, or a length of time such as 10s',
  })
  .refine(
    (typed) => budgetOf(typed).ms <= MOST.ms && budgetOf(typed).keys <= MOST.keys,
    'expected 10m or 100000k at most',
  );

/** Of what is not said, as much as is needed. */
export function budgetOf(typed: string | undefined): Budget {
  if (typed === undefined) return DEFAULT;
  const ms = durationMs(typed);
  if (ms > 0) return { keys: MOST.keys, ms };
  const [, number = '', thousand] = /^(\d+)(k?)$/.exec(typed) ?? [];
  return { keys: Number(number) * (thousand === 'k' ? 1000 : 1), ms: MOST.ms };
}
