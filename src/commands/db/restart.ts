import * as z from 'zod';

import { changeCommand, type Context } from '../../core/command.ts';
import { duration, plural } from '../../core/format.ts';
import { gate, plan, step } from '../../core/plan.ts';
import type { Plan } from '../../core/change.ts';
import { nameOf } from '../../db/activity.ts';
import { GRACE_SECONDS, graceField, READY_MS, restartSteps } from '../../service/server.ts';
import { databaseFields, databaseNamed } from './shared.ts';

/** Transactions that are named one by one. */
const NAMED = 5;

export default changeCommand({
  name: 'db restart',
  summary: 'Restart the database: the last resort. A checkpoint first, then its clients are waited for',
  description:
    'Every connection is cut, and what is not committed is rolled back; requests fail until the database answers again. A checkpoint before it makes the stop quick. Afterwards the database must answer, and the services must be healthy again.',
  examples: [
    { command: 'opsctl db restart --dry-run', explains: 'which transactions would be cut, and every step' },
    { command: 'opsctl db restart --yes', explains: 'without being asked, where the environment permits' },
  ],
  input: z.object({
    database: databaseFields.database,
    graceSeconds: graceField,
  }),
  output: z.object({ database: z.string(), version: z.string(), latencyMs: z.number() }),
  plan: async (input, context) => {
    const database = databaseNamed(context.platform, input.database);
    const { touches, seen, steps } = await databaseRestart(database, input, context);
    return plan({ target: database, summary: `restart database ${database}`, touches, seen, steps });
  },
  report: async (input, context) => {
    const database = databaseNamed(context.platform, input.database);
    const { version, latencyMs } = await context.readers.database.ready(database);
    return { database, version, latencyMs };
  },
  text: (data, style) =>
    `${style.good('✓')} PostgreSQL ${data.version} answers in ${duration(data.latencyMs)}, and the services are healthy`,
});

/** The part of a plan that restarts a database. @throws NOT_CONFIGURED for one that is no container of this platform */
export async function databaseRestart(
  database: string,
  { graceSeconds = GRACE_SECONDS }: { graceSeconds?: number },
  context: Context,
): Promise<Pick<Plan, 'touches' | 'steps'> & { seen: string[] }> {
  const { running, ...restart } = await restartSteps(
    {
      subject: `database ${database}`,
      service: context.platform.databases[database]?.service,
      graceSeconds,
      ready: 'opsctl db ready',
      before: () => [
        step({
          id: `database.checkpoint:${database}`,
          describe: 'write all that is dirty to disk',
          why: 'the stop that follows is then quick',
          do: (w) => w.database.checkpoint(database),
          undo: 'not needed',
          onFailure: 'go on',
          timeoutMs: 130_000,
        }),
      ],
      answers: gate({
        id: `database.answers:${database}`,
        describe: 'wait until the database answers',
        why: 'it may have to recover first',
        verify: (r) => r.database.answers(database),
        timeoutMs: READY_MS,
      }),
    },
    context,
  );
  return { ...restart, seen: running ? await cutBy(database, context) : [] };
}

/** Whose transactions a restart would cut, as far as that can be seen. */
async function cutBy(database: string, { readers }: Context): Promise<string[]> {
  const look = await readers.database.look(database, ['sessions']).catch(() => undefined);
  const sessions = look?.parts.sessions;
  if (sessions?.is !== 'seen') return ['what clients do now could not be seen'];
  const open = sessions.value.filter(({ transactionMs }) => transactionMs !== undefined);
  const more = open.length - NAMED;
  return [
    `${plural(sessions.value.length, 'connection')} of clients ${sessions.value.length === 1 ? 'is' : 'are'} cut, ${plural(open.length, 'open transaction')} rolled back`,
    ...open
      .slice(0, NAMED)
      .map(
        (one) => `${nameOf(one)}: ${one.state ?? 'hidden'}, transaction open for ${duration(one.transactionMs ?? 0)}`,
      ),
    ...(more > 0 ? [`and ${more.toString()} more: opsctl db activity`] : []),
  ];
}
