/** What clients do now: who holds a transaction open, who waits, for how long. */
import * as z from 'zod';

import { openTransaction } from '../checks/database-facts.ts';
import { duration, plural } from '../core/format.ts';
import { MOST_SESSIONS, type Session } from '../core/ports/database.ts';
import type { Judged } from '../core/report.ts';
import { granting } from '../core/suggestion.ts';
import { oneLine } from '../core/text.ts';
import type { Thresholds } from '../core/thresholds.ts';
import { leading, type Verdict, verdict, worst } from '../core/verdict.ts';
import { endingSession } from './ending.ts';
import type { Report } from './report.ts';

const rowSchema = z
  .object({
    pid: z.number(),
    database: z.string(),
    user: z.string(),
    application: z.string(),
    client: z.string(),
    state: z.string().nullable().describe('null where it is hidden from the role that asks'),
    wait: z.string().nullable(),
    transactionMs: z.number().nullable(),
    queryMs: z.number().nullable(),
    stateMs: z.number().nullable(),
    blockedBy: z
      .array(z.number())
      .describe('process ids of the sessions that it waits for; 0 for a prepared transaction'),
    query: z.string().nullable(),
  })
  .meta({ id: 'DatabaseSession' });
export type ActivityRow = z.infer<typeof rowSchema>;

/** The report; with `idle`, rows are of sessions that do nothing, which is what a leaking pool has. */
export const activityOf = (idle: boolean): Report<'sessions', ActivityRow> => ({
  name: 'activity',
  parts: ['sessions'],
  row: rowSchema,
  judge: ({ sessions }, { server, limits }) => {
    const seen = sessions.filter(({ state }) => state !== undefined);
    const judged = seen.flatMap((one) => judgedSession(one, server.role, limits));
    const shown = idle
      ? sessions.filter(isIdle).toSorted((a, b) => (b.stateMs ?? 0) - (a.stateMs ?? 0))
      : sessions.filter((one) => !isIdle(one));
    return {
      findings: [summary(sessions, judged, server.role), ...judged.toSorted(byAge)],
      rows: shown.map(rowOf),
      notes: notesOf(sessions, shown, idle, server.role),
    };
  },
  ...(idle ? IDLE : BUSY),
});

const isIdle = ({ state, transactionMs }: Session): boolean => state === 'idle' && transactionMs === undefined;

type Table = Pick<Report<'sessions', ActivityRow>, 'columns' | 'cells'>;
const BUSY: Table = {
  columns: [
    { title: 'PID', align: 'right' },
    { title: 'USER' },
    { title: 'APPLICATION', flexible: true },
    { title: 'STATE' },
    { title: 'TX', align: 'right' },
    { title: 'WAITS FOR', flexible: true },
    { title: 'QUERY', flexible: true, least: 32 },
  ],
  cells: (row) => [
    row.pid.toString(),
    row.user,
    row.application,
    row.state ?? 'hidden',
    row.transactionMs === null ? '-' : duration(row.transactionMs),
    row.blockedBy.length > 0
      ? `lock of ${row.blockedBy.map((pid) => (pid === 0 ? 'a prepared transaction' : pid)).join(', ')}`
      : (row.wait ?? '-'),
    oneLine(row.query ?? '-'),
  ],
};

const IDLE: Table = {
  columns: [
    { title: 'PID', align: 'right' },
    { title: 'USER' },
    { title: 'APPLICATION', flexible: true },
    { title: 'CLIENT' },
    { title: 'IDLE FOR', align: 'right' },
    { title: 'LAST QUERY', flexible: true, least: 32 },
  ],
  cells: (row) => [
    row.pid.toString(),
    row.user,
    row.application,
    row.client,
    row.stateMs === null ? '-' : duration(row.stateMs),
    oneLine(row.query ?? '-'),
  ],
};

export const activity = activityOf(false);

function judgedSession(session: Session, role: string, limits: Thresholds): Judged<unknown>['findings'] {
  const { state, transactionMs, stateMs } = session;
  if (transactionMs === undefined) return [];
  const judged = openTransaction({ transactionMs, state, stateMs }, limits);
  if (judged.status === 'ok') return [];
  const { next, remark } = endingSession(session, role);
  return [{ about: nameOf(session), ...leading({ ...judged, reason: `${judged.reason}${remark}` }, next) }];
}

/** A session for people: pid, application or user. */
export const nameOf = ({ pid, application, user }: Pick<Session, 'pid' | 'application' | 'user'>): string =>
  `${pid.toString()} (${application === '' ? user : application})`;

const byAge = (a: { value?: number | undefined }, b: { value?: number | undefined }): number =>
  (b.value ?? 0) - (a.value ?? 0);

function summary(sessions: readonly Session[], judged: readonly Verdict[], role: string): Verdict & { about: string } {
  const count = (is: (one: Session) => boolean): string => sessions.filter(is).length.toString();
  const reason = `${plural(sessions.length, 'session')}: ${count(({ state }) => state === 'active')} active, ${count(({ state }) => state?.startsWith('idle in transaction') === true)} idle in transaction, ${count(({ blockedBy }) => blockedBy.length > 0)} waiting for a lock`;
  const long = judged.length === 0 ? '' : `; ${plural(judged.length, 'transaction')} open for too long`;
  const status = worst(judged.map((one) => one.status));
  const measured = { value: sessions.length, unit: 'sessions' };
  if (status !== 'ok') return { about: '', status, reason: `${reason}${long}`, ...measured, next: [] };
  const hidden = hiddenAmong(sessions);
  return hidden === 0
    ? { about: '', ...verdict.ok(reason, measured) }
    : {
        about: '',
        ...verdict.skipped(`${reason}; of ${hidden.toString()} it is hidden from role ${role}`, [
          granting('pg_monitor', role),
        ]),
      };
}

const hiddenAmong = (sessions: readonly Session[]): number =>
  sessions.filter(({ state }) => state === undefined).length;

const rowOf = ({
  startedAt: _started,
  queryStartedAt: _query,
  privileged: _privileged,
  ...one
}: Session): ActivityRow => ({
  ...one,
  state: one.state ?? null,
  wait: one.wait ?? null,
  transactionMs: one.transactionMs ?? null,
  queryMs: one.queryMs ?? null,
  stateMs: one.stateMs ?? null,
  query: one.query ?? null,
});

function notesOf(sessions: readonly Session[], shown: readonly Session[], idle: boolean, role: string): string[] {
  const left = sessions.length - shown.length;
  const hidden = hiddenAmong(sessions);
  return [
    ...(idle || left === 0 ? [] : [`${plural(left, 'idle session')} not shown: opsctl db activity --idle`]),
    ...(sessions.length < MOST_SESSIONS
      ? []
      : [`no more than ${MOST_SESSIONS.toString()} sessions are looked at; all are counted by opsctl db connections`]),
    ...(hidden === 0
      ? []
      : [
          `${plural(hidden, 'session')} of other roles hide what they do from ${role}: ${granting('pg_monitor', role)}`,
        ]),
  ];
}
