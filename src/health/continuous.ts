import { setTimeout as sleep } from 'node:timers/promises';

import * as z from 'zod';

import { duration, localTime, plural } from '../core/format.ts';
import type { Style } from '../core/style.ts';
import { type Status, statusSchema } from '../core/verdict.ts';
import type { Health } from './observe.ts';
import { findingSchema } from './probe.ts';
import { healthBrief } from './text.ts';

/** A check whose state is held to have changed. */
const transitionSchema = z.object({ id: z.string(), from: statusSchema, to: statusSchema, reason: z.string() });

/** What `health --continuous` tells: a round each interval, and a last word. */
export const roundSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('round'),
    at: z.iso.datetime(),
    round: z.number(),
    status: statusSchema,
    checks: z.array(findingSchema),
    transitions: z.array(transitionSchema).describe('worse after 3 rounds in a row, better after 2'),
    skippedRounds: z.number().describe('rounds left out so far because one took longer than the interval'),
  }),
  z.object({
    type: z.literal('summary'),
    at: z.iso.datetime(),
    rounds: z.number(),
    sinceMs: z.number(),
    transitions: z.number(),
    checks: z.array(
      z.object({
        id: z.string(),
        rounds: z.partialRecord(statusSchema, z.number()).describe('rounds spent in each status'),
      }),
    ),
  }),
]);
export type Round = z.infer<typeof roundSchema>;

/** Rounds in a row before a change for the worse, or for the better, is believed. */
const WORSE_AFTER = 3;
const BETTER_AFTER = 2;

/** Follows one check over rounds, so that a single odd round is not taken for a change. */
export function makeTracker(): (id: string, status: Status) => { from: Status; to: Status } | undefined {
  const states = new Map<string, { held: Status; candidate: Status; times: number }>();
  return (id, status) => {
    const state = states.get(id);
    if (state === undefined) {
      states.set(id, { held: status, candidate: status, times: 0 });
      return undefined;
    }
    const isWell = (one: Status): boolean => one === 'ok' || one === 'skipped';
    if (status === state.held || (isWell(status) && isWell(state.held))) {
      states.set(id, { held: status, candidate: status, times: 0 });
      return undefined;
    }
    // Bad news of changing kinds (crit, unknown, crit) is still bad news: count by direction.
    const better = isWell(status);
    const same = better === isWell(state.candidate) && state.times > 0;
    state.times = same ? state.times + 1 : 1;
    state.candidate = status;
    if (state.times < (better ? BETTER_AFTER : WORSE_AFTER)) return undefined;
    const change = { from: state.held, to: status };
    states.set(id, { held: status, candidate: status, times: 0 });
    return change;
  };
}

/**
 * Rounds at a fixed rate: a round starts on the grid of the interval; one that takes longer makes the next
 * grid points be left out, never two at once. At the end, by the signal, one summary.
 */
export async function* rounds(
  observe: () => Promise<Health>,
  options: { intervalMs: number; signal: AbortSignal; now: () => Date },
): AsyncGenerator<Round> {
  const { intervalMs, signal, now } = options;
  const track = makeTracker();
  const spent = new Map<string, Partial<Record<Status, number>>>();
  const start = performance.now();
  let round = 0;
  let skippedRounds = 0;
  let transitionCount = 0;
  for (let grid = 0; !signal.aborted;) {
    const health = await observe();
    if (signal.aborted && round > 0) break;
    round += 1;
    const transitions = health.checks.flatMap((check) => {
      const counts = spent.get(check.id) ?? {};
      counts[check.status] = (counts[check.status] ?? 0) + 1;
      spent.set(check.id, counts);
      const change = track(check.id, check.status);
      return change === undefined ? [] : [{ id: check.id, ...change, reason: check.reason }];
    });
    transitionCount += transitions.length;
    yield {
      type: 'round',
      at: now().toISOString(),
      round,
      status: health.status,
      checks: health.checks,
      transitions,
      skippedRounds,
    };
    const nextGrid = Math.floor((performance.now() - start) / intervalMs) + 1;
    skippedRounds += nextGrid - grid - 1;
    grid = nextGrid;
    await sleep(start + grid * intervalMs - performance.now(), undefined, { signal }).catch(() => undefined);
  }
  const checks = [...spent].map(([id, counts]) => ({ id, rounds: counts as Record<Status, number> }));
  yield {
    type: 'summary',
    at: now().toISOString(),
    rounds: round,
    sinceMs: Math.round(performance.now() - start),
    transitions: transitionCount,
    checks,
  };
}

/** A round as one line: time, status, whatever is not ok, and changes marked. */
export function roundLine(round: Round, style: Style): string {
  if (round.type === 'summary') return summaryText(round, style);
  const troubled = round.checks.filter(({ status }) => status !== 'ok' && status !== 'skipped');
  const names = troubled.map((check) => style.as(check.status, `${check.id} ${check.status}`)).join(', ');
  const line = `${style.dim(localTime(round.at))}  ${style.status(round.status)}${names === '' ? '' : `  ${names}`}`;
  return [line, ...round.transitions.map((change) => transitionLine(change, style))].join('\n');
}

/** A round as a screen that is drawn again and again. */
export function roundScreen(round: Round, style: Style): string {
  if (round.type === 'summary') return summaryText(round, style);
  const changes = round.transitions.map((change) => transitionLine(change, style));
  const head = `${style.bold('opsctl health')}  ${style.dim(`${localTime(round.at)}, round ${round.round.toString()}, Ctrl-C to end`)}`;
  return [head, '', healthBrief(round, style), ...changes].join('\n');
}

const transitionLine = (change: z.infer<typeof transitionSchema>, style: Style): string =>
  `  ${style.as(change.to, '→')} ${change.id}: ${style.as(change.from, change.from)} → ${style.as(change.to, change.to)}: ${change.reason}`;

function summaryText(round: Extract<Round, { type: 'summary' }>, style: Style): string {
  const troubled = round.checks.filter(({ rounds: counts }) =>
    Object.keys(counts).some((status) => status !== 'ok' && status !== 'skipped'),
  );
  const lines = troubled.map(
    ({ id, rounds: counts }) =>
      `  ${id}: ${Object.entries(counts)
        .map(([status, count]) => `${count.toString()} ${status}`)
        .join(', ')}`,
  );
  return [
    `${style.bold('Summary')}: ${plural(round.rounds, 'round')} in ${duration(round.sinceMs)}, ${plural(round.transitions, 'change')} of state`,
    ...(lines.length === 0 ? ['  every check was ok in every round'] : lines),
  ].join('\n');
}
