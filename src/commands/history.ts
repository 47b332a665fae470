import * as z from 'zod';

import { type ReadCommand, readCommand } from '../core/command.ts';
import { OpsError } from '../core/errors.ts';
import { duration, localTime, plural } from '../core/format.ts';
import { holding } from '../core/holding.ts';
import type { Readers } from '../core/ports.ts';
import type { JournalReader } from '../core/ports/journal.ts';
import type { ChangeRecord } from '../core/change.ts';
import type { Style } from '../core/style.ts';
import type { Status } from '../core/verdict.ts';
import { changeStepSchema, type ChangeSummary, changeSummarySchema, stepsOf, summaryOf } from '../inspect/history.ts';
import { nearest } from '../inspect/names.ts';
import { asSeen } from '../core/unfinished.ts';
import { isOf } from '../recovery/plan.ts';

const input = z.object({
  change: z.string().optional().meta({
    description: 'one change, step by step: its id, or the beginning or end of it',
    positional: true,
    completes: 'change',
  }),
  limit: z.number().int().min(1).max(1000).default(20).meta({ description: 'the newest so many', short: 'n' }),
});

const output = z.object({
  changes: z.array(changeSummarySchema).describe('newest first'),
  steps: z.array(changeStepSchema).optional().describe('of the one change that was asked for'),
  journal: z.object({
    where: z.string(),
    shared: z.boolean().describe('false: only this machine sees these changes'),
  }),
  unseen: z.string().optional().describe('why it could not be seen whether a change without an end still runs'),
});

/** @param noun `deploy` for `deploy history`; empty for all changes */
export const historyCommand = (noun = ''): ReadCommand =>
  readCommand({
    name: `${noun} history`.trim(),
    summary: `${noun === '' ? 'Changes' : 'Deploys'} that were made, by whom, and how they ended`,
    description:
      'A change whose program was killed is marked as interrupted, with the commands that finish it or take it back.',
    examples: [
      {
        command: `opsctl ${`${noun} history`.trim()}`,
        explains: `the newest 20 ${noun === '' ? 'changes' : 'deploys'}`,
      },
      { command: `opsctl ${`${noun} history`.trim()} 20260301T140509Z-3fa9`, explains: 'one change, step by step' },
    ],
    input,
    output,
    run: async ({ change, limit }, { readers }) => {
      const { journal, lock } = readers;
      const [found, { holder, away }, location] = await Promise.all([
        change === undefined ? newest(journal, noun, limit) : find(change, readers).then((record) => [record]),
        holding(lock),
        journal.location(),
      ]);
      const [only] = found;
      return {
        changes: await Promise.all(
          found.map(async (record) => summaryOf(record, holder, await openOf(record, found, readers))),
        ),
        ...(change !== undefined && only !== undefined ? { steps: stepsOf(only) } : {}),
        journal: location,
        ...(away === undefined ? {} : { unseen: away.message }),
      };
    },
    text: ({ changes, steps, journal, unseen }, style) => {
      const [only] = changes;
      const body =
        only === undefined
          ? 'no changes were made yet'
          : steps === undefined
            ? list(changes, style)
            : one(only, steps, style);
      const notices = [
        ...(journal.shared ? [] : [`only changes of this machine are seen: the journal is ${journal.where}`]),
        ...(unseen === undefined ? [] : [`what has no end may still run: ${unseen}`]),
      ];
      return [body, ...notices.map((notice) => style.notice(notice))].join('\n\n');
    },
  });

export default historyCommand();

/** The newest changes of a noun. */
async function newest(journal: JournalReader, noun: string, limit: number): Promise<ChangeRecord[]> {
  if (noun === '') return await journal.changes(limit);
  return (await journal.changes(LISTED_CHANGES)).filter((one) => isOf(one, noun)).slice(0, limit);
}

/** How far back an abbreviated id, or changes of one noun, are looked for. */
const LISTED_CHANGES = 1000;

/** What is to be ended where a change was left in the middle: of a recovery, the change that it was to recover. */
async function openOf(
  record: ChangeRecord,
  known: readonly ChangeRecord[],
  readers: Readers,
): Promise<ChangeRecord | undefined> {
  const { recovers } = record.begin;
  if (recovers === undefined) return await asSeen(record, readers);
  if (record.recoveredBy !== undefined || record.end?.outcome === 'done') return undefined;
  const open = known.find(({ id }) => id === recovers) ?? (await readers.journal.change(recovers));
  return open === undefined ? undefined : await asSeen(open, readers);
}

async function find(id: string, { journal }: Readers): Promise<ChangeRecord> {
  const exact = await journal.change(id);
  if (exact !== undefined) return exact;
  const known = await journal.changes(LISTED_CHANGES);
  const matching = known.filter((record) => record.id.startsWith(id) || record.id.endsWith(id));
  const [first] = matching;
  if (first !== undefined && matching.length === 1) return first;
  const ids = (matching.length > 0 ? matching : known).map((record) => record.id);
  const several = matching.length > 1;
  throw new OpsError(
    'NOT_FOUND',
    several ? `${id} is the beginning or end of ${plural(matching.length, 'change')}` : `there is no change ${id}`,
    {
      hint: several ? `Give more of the id: ${ids.slice(0, 5).join(', ')}.` : 'See their ids with: opsctl history',
      details: { nearest: several ? ids.slice(0, 5) : nearest(id, ids) },
    },
  );
}

const STATUS: Readonly<Record<ChangeSummary['outcome'], Status>> = {
  done: 'ok',
  'rolled-back': 'warn',
  partial: 'crit',
  paused: 'warn',
  running: 'skipped',
  interrupted: 'crit',
  recovered: 'skipped',
};

function list(changes: readonly ChangeSummary[], style: Style): string {
  const columns = [
    { title: 'CHANGE' },
    { title: 'WHEN' },
    { title: 'OUTCOME' },
    { title: 'BY', flexible: true },
    { title: 'WHAT', flexible: true },
  ];
  const rows = changes.map(({ id, at, outcome, actor, summary }) => [
    id,
    localTime(at).slice(5, 16),
    style.as(STATUS[outcome], outcome),
    actor,
    summary,
  ]);
  const table = style.table(columns, rows);
  const open = changes.filter(({ next }) => next.length > 0);
  return [table, ...open.map((change) => nextOf(change, style))].join('\n\n');
}

const nextOf = ({ id, outcome, next }: ChangeSummary, style: Style): string =>
  `${style.bad(`${id} ${outcome === 'partial' ? 'is done in part' : outcome === 'paused' ? 'is paused' : 'was interrupted'}`)}; ${next.length > 1 ? 'finish it or take it back' : 'take it back'}:\n${next.map((command) => `  ${command}`).join('\n')}`;

function one(change: ChangeSummary, steps: readonly z.infer<typeof changeStepSchema>[], style: Style): string {
  const { id, command, summary, at, durationMs, actor, host, reason, outcome, left, error } = change;
  const { recovers, recoveredBy, supersededBy } = change;
  const optional = (key: string, value: string | undefined): [string, string][] =>
    value === undefined ? [] : [[key, value]];
  const facts = style.pairs([
    ['change', style.bold(id)],
    ['command', command],
    ['what', summary],
    ['when', `${localTime(at)}${durationMs === undefined ? '' : `, took ${duration(durationMs)}`}`],
    ['by', `${actor} on ${host}`],
    ...optional('why', reason),
    ['outcome', style.as(STATUS[outcome], outcome)],
    ...optional('error', error),
    ...optional('recovers', recovers),
    ...optional('recovered by', recoveredBy),
    ...optional('ends with', supersededBy),
  ]);
  const rows = steps.map(({ describe, state, error: why, output: said }, index) => {
    const bad = state === 'failed' || state === 'left';
    const mark = `${(index + 1).toString().padStart(2)}  ${(bad ? style.bad : style.dim)(state.padEnd(7))}  `;
    const text = `${mark}${style.wrap(why === undefined ? describe : `${describe}: ${why}`, STEP_INDENT)}`;
    return [
      text,
      ...(said === undefined ? [] : lastLines(said).map((line) => ' '.repeat(STEP_INDENT) + style.dim(line))),
    ].join('\n');
  });
  const parts = [facts, rows.length === 0 ? 'it had no steps' : rows.join('\n')];
  if (left.length > 0) parts.push(`${style.bad('left behind')}\n${left.map((item) => `  ${item}`).join('\n')}`);
  if (change.next.length > 0) parts.push(nextOf(change, style));
  return parts.join('\n\n');
}

/** Of what a command said, its last lines; `--json` has more. */
const lastLines = (said: string): string[] => said.trimEnd().split('\n').slice(-SHOWN_LINES);
const SHOWN_LINES = 10;

/** Number, state and the gaps: where the text of a step begins. */
const STEP_INDENT = 13;
