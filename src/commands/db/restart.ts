import * as z from 'zod';

import { changeCommand, type Context } from '../../core/command.ts';
import { serviceOf } from '../../core/containers.ts';
import { OpsError } from '../../core/errors.ts';
import { duration, plural } from '../../core/format.ts';
import { gate, plan, step } from '../../core/plan.ts';
import type { Plan } from '../../core/change.ts';
import { nameOf } from '../../db/activity.ts';
import { planRestart } from '../../service/restart.ts';
import { databaseFields, databaseNamed } from './shared.ts';

/** What clients may take to connect again after the database answers, in ms. */
const DEPENDENTS_MS = 60_000;
const READY_MS = 60_000;
const GRACE_SECONDS = 60;
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
    graceSeconds: z
      .number()
      .int()
      .min(1)
      .max(3600)
      .default(GRACE_SECONDS)
      .meta({ description: 'between the request to end and SIGKILL', value: 'seconds' }),
  }),
  output: z.object({ database: z.string(), version: z.string(), latencyMs: z.number() }),
  plan: async (input, context) => {
    const database = databaseNamed(context.platform, input.database);
    const { touches, seen, steps } = await restartSteps(database, input, context);
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
export async function restartSteps(
  database: string,
  { graceSeconds = GRACE_SECONDS }: { graceSeconds?: number },
  { platform, readers }: Context,
): Promise<Pick<Plan, 'touches' | 'steps'> & { seen: string[] }> {
  const service = platform.databases[database]?.service;
  if (service === undefined)
    throw new OpsError('NOT_CONFIGURED', `database ${database} is no container of this platform`, {
      hint: 'Restart it where it runs, as in the console of its provider. Then look: opsctl db ready',
    });
  const all = await readers.engine.containers({ project: platform.compose.project });
  const own = await Promise.all(
    all.filter((one) => serviceOf(one) === service).map(({ id }) => readers.engine.container(id)),
  );
  if (own.length === 0)
    throw new OpsError('NOT_FOUND', `database ${database} has no container: no service ${service} is there`, {
      hint: 'See which services there are: opsctl status',
    });
  const running = own.some(({ state }) => state === 'running');
  const restart = planRestart(own, { service, graceSeconds, healthyWithinMs: READY_MS });
  const deployable = Object.entries(platform.services).map(([key, one]) => one.service ?? key);
  const dependents = all.filter((one) => one.state === 'running' && deployable.includes(serviceOf(one)));
  return {
    touches: restart.touches,
    seen: running ? await cutBy(database, { platform, readers } as Context) : [],
    steps: [
      ...(running
        ? [
            step({
              id: `database.checkpoint:${database}`,
              describe: 'write all that is dirty to disk',
              why: 'the stop that follows is then quick',
              do: (w) => w.database.checkpoint(database),
              undo: 'not needed',
              onFailure: 'go on',
              timeoutMs: 130_000,
            }),
          ]
        : []),
      ...restart.steps,
      gate({
        id: `database.answers:${database}`,
        describe: 'wait until the database answers',
        why: 'it may have to recover first',
        verify: (r) => r.database.answers(database),
        timeoutMs: READY_MS,
      }),
      ...dependents.map((one) =>
        gate({
          id: `engine.serving:${one.name}`,
          describe: `wait until ${one.name} serves`,
          why: 'it had to connect to the database again',
          verify: (r) => r.engine.isServing(one.id),
          explain: (r) => r.engine.whyNotServing(one.id),
          timeoutMs: DEPENDENTS_MS,
        }),
      ),
    ],
  };
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
