import * as z from 'zod';

import { type ChangeRecord, isUnfinished, OUTCOMES, STEP_STATES } from '../core/change.ts';
import { waysOut } from '../core/unfinished.ts';
import type { LockHolder } from '../core/ports/lock.ts';

/** A change in `history`. */
export const changeSummarySchema = z
  .object({
    id: z.string(),
    command: z.string(),
    target: z.string(),
    summary: z.string(),
    at: z.string(),
    durationMs: z.number().optional().describe('absent while it runs, and when its program was killed'),
    actor: z.string(),
    host: z.string(),
    reason: z.string().optional(),
    outcome: z
      .enum([...OUTCOMES, 'running', 'interrupted', 'recovered'])
      .describe(
        'interrupted: its program was killed and nobody has resumed or aborted it yet; recovered: somebody has',
      ),
    recovers: z.string().optional().describe('the interrupted change that this one finished or took back'),
    recoveredBy: z.string().optional(),
    supersededBy: z
      .string()
      .optional()
      .describe(
        'the change that was to bring it to its end and is not at its own: what becomes of both is decided there',
      ),
    left: z.array(z.string()).describe('what was neither done nor undone'),
    error: z.string().optional(),
    next: z.array(z.string()).describe('commands to run now'),
  })
  .meta({ id: 'ChangeSummary' });
export type ChangeSummary = z.infer<typeof changeSummarySchema>;

/** One step of a change in `history <change>`. */
export const changeStepSchema = z
  .object({
    id: z.string(),
    describe: z.string(),
    state: z.enum(STEP_STATES),
    error: z.string().optional(),
    output: z.string().optional().describe('what a command of the user said, or a gate went by, its end'),
  })
  .meta({ id: 'ChangeStep' });

/**
 * What the journal and the lock together tell of a change: without an end it runs while its lock lives.
 * @param open what is to be ended where this change was left in the middle: itself, or what it was to recover
 */
export function summaryOf(
  record: ChangeRecord,
  holder: LockHolder | undefined,
  open: ChangeRecord = record,
): ChangeSummary {
  const { id, begin, end, recoveredBy, supersededBy } = record;
  const { command, plan, at, actor, host, reason, recovers } = begin;
  const runs = holder?.change === id && !holder.stale;
  // What was held was not the end, once another change has brought it about.
  const ended = end?.outcome === 'paused' && recoveredBy !== undefined ? undefined : end?.outcome;
  const outcome = ended ?? (recoveredBy !== undefined ? 'recovered' : runs ? 'running' : 'interrupted');
  return {
    id,
    command,
    target: plan.target,
    summary: plan.summary,
    at,
    ...(end === undefined ? {} : { durationMs: Math.max(0, Date.parse(end.at) - Date.parse(at)) }),
    actor,
    host,
    ...(reason === undefined ? {} : { reason }),
    outcome,
    ...(recovers === undefined ? {} : { recovers }),
    ...(recoveredBy === undefined ? {} : { recoveredBy }),
    ...(supersededBy === undefined ? {} : { supersededBy }),
    left: end?.left ?? [],
    ...(end?.error === undefined ? {} : { error: end.error }),
    next: ['interrupted', 'partial', 'paused'].includes(outcome) && isUnfinished(open) ? waysOut(open) : [],
  };
}

/** The steps of a change in their order. */
export function stepsOf({ steps }: ChangeRecord): z.infer<typeof changeStepSchema>[] {
  return steps.map(({ step, state, error, output }) => ({
    id: step.id,
    describe: step.describe,
    // That nothing came of it matters to a recovery; here it is told how it went.
    state: state === 'pending' && error !== undefined ? 'failed' : state,
    ...(error === undefined ? {} : { error }),
    ...(output === undefined ? {} : { output }),
  }));
}
