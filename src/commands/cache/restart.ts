import * as z from 'zod';

import { isLost, keptText, keysOf, lossOf } from '../../cache/restart-loss.ts';
import { changeCommand } from '../../core/command.ts';
import { asOpsError, OpsError } from '../../core/errors.ts';
import { duration, plural } from '../../core/format.ts';
import { gate, plan } from '../../core/plan.ts';
import { graceField, READY_MS, restartSteps } from '../../service/server.ts';
import { cacheFields, cacheNamed } from './shared.ts';

/** How one fails that does not answer. */
const DOWN = ['UNREACHABLE', 'TIMED_OUT', 'NOT_READY', 'BAD_ANSWER'];

export default changeCommand({
  name: 'cache restart',
  summary: 'Restart the cache, and wait until it has its data and the services are healthy again',
  description:
    'What is not on disk is lost. --force is needed where neither snapshots nor the append-only file keep the keys, where that is not told, and where the last save or append failed: the server refuses to end as long as it cannot save, and is killed then. While it loads its data it serves nobody. Exit 1 where most keys did not come back.',
  examples: [
    { command: 'opsctl cache restart --dry-run', explains: 'what would be kept, what lost, and every step' },
    { command: 'opsctl cache restart --yes', explains: 'without being asked, where the environment permits' },
  ],
  input: z.object({
    cache: cacheFields.cache,
    graceSeconds: graceField.meta({
      description: 'between the request to end, at which it saves, and SIGKILL',
      value: 'seconds',
    }),
    force: z.boolean().default(false).meta({ description: 'although keys would be lost, or may be' }),
  }),
  output: z.object({
    cache: z.string(),
    latencyMs: z.number(),
    keys: z.number(),
    before: z.number().nullable().describe('keys before; null where that was not told'),
  }),
  plan: async (input, context) => {
    const cache = cacheNamed(context.platform, input.cache);
    const seen = await context.readers.cache.look(cache, ['persistence']).catch(asOpsError);
    // One that does not answer may be restarted for just that; one that refuses to tell may have everything to lose.
    if (seen instanceof OpsError && !DOWN.includes(seen.code) && !input.force) throw seen;
    const look = seen instanceof OpsError ? undefined : seen;
    const loss = look && lossOf(look, input.graceSeconds);
    if (loss !== undefined && !input.force)
      throw new OpsError('UNSAFE', `cache ${cache} ${loss}`, {
        hint: 'See more: opsctl cache persistence, and what the keys are: opsctl cache keys --by prefix. If they may be lost: --force',
      });
    const keys = look && keysOf(look);
    const { running: _running, ...restart } = await restartSteps(
      {
        subject: `cache ${cache}`,
        service: context.platform.caches[cache]?.service,
        graceSeconds: input.graceSeconds,
        ready: 'opsctl cache ping',
        before: () => [],
        answers: gate({
          id: `cache.answers:${cache}`,
          describe: 'wait until the cache answers with its data loaded',
          why: 'while it loads, it refuses everybody',
          verify: (r) => r.cache.answers(cache),
          timeoutMs: READY_MS,
        }),
      },
      context,
    );
    return plan({
      target: cache,
      summary: `restart cache ${cache}`,
      ...restart,
      seen: [
        ...(loss === undefined ? [] : [`cache ${cache} ${loss}`]),
        ...(seen instanceof OpsError
          ? [`its keys cannot be seen now: ${seen.message}`]
          : keptText(seen, input.graceSeconds)),
      ],
      ...(keys === undefined ? {} : { before: { keys } }),
    });
  },
  report: async (input, context, plan) => {
    const cache = cacheNamed(context.platform, input.cache);
    const { latencyMs, keys } = await context.readers.cache.vitals(cache);
    return { cache, latencyMs, keys, before: plan.before?.['keys'] ?? null };
  },
  text: ({ latencyMs, keys, before }, style) => {
    const of = before === null ? '' : `, of ${before.toString()} before`;
    const answers = `it answers in ${duration(latencyMs)} with ${plural(keys, 'key')}${of}, and the services are healthy`;
    return isLost(before, keys)
      ? `${style.bad('✗')} most keys are lost: ${answers}\n  ${style.suggest('See what is kept: opsctl cache persistence. Fill it: opsctl cache warm')}`
      : `${style.good('✓')} ${answers}`;
  },
  exit: ({ before, keys }, { force }) => (isLost(before, keys) && !force ? 1 : 0),
});
