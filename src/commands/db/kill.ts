import * as z from 'zod';

import { changeCommand, type Context } from '../../core/command.ts';
import { OpsError } from '../../core/errors.ts';
import { plural } from '../../core/format.ts';
import type { Lock, Session } from '../../core/ports/database.ts';
import { MOST_KILLED, planKill } from '../../db/plan-kill.ts';
import { databaseFields, databaseNamed } from './shared.ts';

export default changeCommand({
  name: 'db kill',
  summary: 'Cancel what sessions of the database run, or end them',
  description: `A session is known by its process id, its connection and its query together, and that is checked again in the statement that acts: what has gone on to something else is left alone. A query is cancelled; with --terminate, a session whose query does not end within 5 s, that still holds a lock afterwards, or that runs none, is ended. Superusers, dumps and indexes that are built concurrently are left alone without --force. At most ${MOST_KILLED.toString()} at once.`,
  examples: [
    { command: 'opsctl db kill 4242 --dry-run', explains: 'what would be ended, what is rolled back, who goes on' },
    { command: 'opsctl db kill 4242 --confirm main', explains: 'cancel its query' },
    { command: 'opsctl db kill 4242 --terminate', explains: 'end it, as one that is idle in a transaction' },
  ],
  input: z.object({
    pids: z
      .array(
        z.coerce
          .number()
          .int()
          .min(1)
          .max(2 ** 31 - 1),
      )
      .min(1)
      .max(MOST_KILLED)
      .meta({ description: 'process ids of sessions, as db activity and db blocking show them', positional: true }),
    database: databaseFields.database,
    terminate: z
      .boolean()
      .default(false)
      .meta({ description: 'end the session where cancelling is not enough or there is no query' }),
    force: z
      .boolean()
      .default(false)
      .meta({ description: 'also superusers, dumps, and indexes that are built concurrently' }),
  }),
  output: z.object({
    database: z.string(),
    sessions: z.array(
      z.object({ pid: z.number(), state: z.string().describe('`gone` when there is no such session any more') }),
    ),
    waiting: z.number().describe('sessions that still wait for a lock of theirs'),
  }),
  plan: async (input, context) => {
    const database = databaseNamed(context.platform, input.database);
    const pids = [...new Set(input.pids)];
    return planKill(await look(context, database), { ...input, database, pids });
  },
  report: async (input, context) => {
    const database = databaseNamed(context.platform, input.database);
    const { sessions, locks } = await look(context, database);
    return {
      database,
      sessions: input.pids.map((pid) => ({
        pid,
        state: sessions.find((one) => one.pid === pid)?.state ?? 'gone',
      })),
      waiting: locks.filter(({ granted, blockedBy }) => !granted && blockedBy.some((pid) => input.pids.includes(pid)))
        .length,
    };
  },
  text: (data, style) =>
    [
      ...data.sessions.map(({ pid, state }) => `${style.good('✓')} session ${pid.toString()} is ${state} now`),
      data.waiting === 0
        ? `${style.good('✓')} nobody waits for ${data.sessions.length === 1 ? 'it' : 'them'} any more`
        : `${style.bad('✗')} ${plural(data.waiting, 'session still waits', 'sessions still wait')} for a lock of theirs\n${style.bold('next')}: ${style.suggest('opsctl db blocking')}`,
    ].join('\n'),
});

/** Sessions and locks as they are now. @throws UNSAFE where they cannot be observed: nothing is ended unseen */
async function look({ readers }: Context, database: string): Promise<{ sessions: Session[]; locks: Lock[] }> {
  const { parts } = await readers.database.look(database, ['sessions', 'locks']);
  const { sessions, locks } = parts;
  for (const part of [sessions, locks])
    if (part.is !== 'seen')
      throw new OpsError('UNSAFE', `what goes on in database ${database} cannot be seen: ${part.reason}`, {
        hint:
          part.is === 'skipped' && part.fix[0] !== undefined
            ? `Mend it: ${part.fix[0]}`
            : 'Try again: opsctl db blocking',
      });
  return {
    sessions: sessions.is === 'seen' ? sessions.value : [],
    locks: locks.is === 'seen' ? locks.value.locks : [],
  };
}
