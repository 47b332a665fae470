/** Reports as commands: how one is shown, how all of a server are, and which server is meant. */
import * as z from 'zod';

import { OpsError } from '../core/errors.ts';
import { type Concluded, type Finding, findingSchema, type Shown } from '../core/report.ts';
import { isSql } from '../core/suggestion.ts';
import type { Style } from '../core/style.ts';
import { durationMs, durationText } from '../core/values.ts';
import { statusSchema, worst, worstFirst } from '../core/verdict.ts';

/** How a report is declared: what it is called in help. */
export interface Wording {
  summary: string;
  description?: string;
  examples: { command: string; explains: string }[];
}

/** The longest interval, in ms. */
const LONGEST = 600_000;

/** The flag of what counts for a while instead of since the start. */
export const interval = durationText
  .refine((typed) => durationMs(typed) <= LONGEST, 'expected 10m at most')
  .optional()
  .meta({ description: 'count what happens from now on for this long, such as 10s', value: 'time' });

/** The flag of every command that judges. */
export const failOn = z.enum(['warn', 'crit']).default('crit').meta({ description: 'exit 1 from this status on' });

/**
 * The configured server that is meant. `kind` is what the configuration and the flag call it.
 * @throws NOT_CONFIGURED, USAGE when there are several
 */
export function serverNamed(
  kind: 'database' | 'cache',
  configured: Readonly<Record<string, unknown>>,
  environment: string,
  said: string | undefined,
): string {
  const names = Object.keys(configured);
  const [only, ...others] = names;
  if (only === undefined)
    throw new OpsError('NOT_CONFIGURED', `environment ${environment} has no ${kind}`, {
      hint: `Set ${kind}s in opsctl.yaml, then run: opsctl config check`,
    });
  if (said === undefined && others.length === 0) return only;
  if (said !== undefined && names.includes(said)) return said;
  throw new OpsError('USAGE', said === undefined ? `there are several ${kind}s` : `no ${kind} ${said} is configured`, {
    hint: `Name one: ${names.map((name) => `--${kind} ${name}`).join(', ')}`,
  });
}

/** Findings that are bad are named one by one up to here; a table shows the rest. */
const NAMED = 10;

export function reportText<R>(report: Shown<R>, data: Concluded<R>, style: Style): string {
  const rows = data.rows.map((row) => report.cells(row, style));
  return [
    ...findingLines(data.findings, style),
    ...nextLines(data.findings, style),
    ...(rows.length === 0 ? [] : ['', style.table(report.columns, rows)]),
    ...(data.notes.length === 0 ? [] : ['', ...data.notes.map((note) => style.dim(style.wrap(note)))]),
  ].join('\n');
}

/** The summary, then what is bad, the worst first. */
function findingLines([first, ...others]: readonly Finding[], style: Style): string[] {
  if (first === undefined) return [];
  const bad = badOf(others);
  const line = ({ status, about, reason }: Finding): string =>
    style.wrap(`${style.mark(status)} ${about === '' ? '' : `${about}: `}${reason}`, 2);
  return [
    line(first),
    ...bad.slice(0, NAMED).map(line),
    ...(bad.length > NAMED ? [`  and ${(bad.length - NAMED).toString()} more, see --json`] : []),
  ];
}

const badOf = (findings: readonly Finding[]): Finding[] => worstFirst(findings.filter(({ status }) => status !== 'ok'));

/** What to run next: about the summary, then about what is bad. */
function nextLines([first, ...others]: readonly Finding[], style: Style): string[] {
  const next = [...new Set([first, ...badOf(others)].flatMap((one) => one?.next ?? []))].slice(0, NAMED);
  if (next.length === 0) return [];
  return [
    `${style.bold('next')}: ${next.join('\n      ')}`,
    ...(next.some(isSql) ? [style.dim('      (what ends with ; is SQL for psql: db query only reads)')] : []),
  ];
}

/** All reports of a server in short. */
export const allSchema = z.object({
  status: statusSchema.describe('the worst of all findings'),
  reports: z.array(
    z.object({ name: z.string().describe('the verb of its own command'), status: statusSchema, reason: z.string() }),
  ),
  findings: z.array(findingSchema).describe('what is not well, the worst first'),
});
type All = z.infer<typeof allSchema>;

/** What all reports together say: a verdict for each, and what is not well. */
export function together(concluded: readonly { name: string; data: Concluded<unknown> }[]): All {
  return {
    status: worst(concluded.map(({ data }) => data.status)),
    reports: concluded.map(({ name, data }) => ({
      name,
      status: data.status,
      reason: data.findings[0]?.reason ?? '',
    })),
    findings: worstFirst(concluded.flatMap(({ data }) => data.findings).filter(({ status }) => status !== 'ok')),
  };
}

/** A line a report, then findings and notes, and at the end the verdict on the whole, `head` naming it. */
export function togetherText(
  { reports, findings, status }: All,
  head: string,
  style: Style,
  notes: readonly string[] = [],
): string {
  const longest = Math.max(...reports.map(({ name }) => name.length));
  return [
    ...reports.map((one) =>
      style.wrap(`${style.mark(one.status)} ${one.name.padEnd(longest)}  ${one.reason}`, longest + 4),
    ),
    '',
    ...singles(findings, style),
    ...notes.flatMap((note) => [style.dim(style.wrap(note)), '']),
    `${style.status(status)}: ${head}`,
  ].join('\n');
}

/** Findings of single things, of whichever report, and what a report lacks; what to run about these and about summaries. */
function singles(findings: readonly Finding[], style: Style): string[] {
  const single = findings
    .filter(({ about, status }) => about !== '' || status === 'skipped' || status === 'unknown')
    .map((one) => (one.about === '' ? { ...one, about: one.check } : one));
  const lines = [...findingLines(single, style), ...nextLines(findings, style)];
  return lines.length === 0 ? [] : [...lines, ''];
}
