import * as z from 'zod';

import { changeCommand, type Context } from '../../core/command.ts';
import { OpsError } from '../../core/errors.ts';
import { duration, plural } from '../../core/format.ts';
import { gate, plan } from '../../core/plan.ts';
import type { CacheVitals } from '../../core/ports/data.ts';
import { graceField, READY_MS, restartSteps } from '../../service/server.ts';
import { cacheFields, cacheNamed } from './shared.ts';

export default changeCommand({
  name: 'cache restart',
  summary: 'Restart the cache, and wait until it has its data and the services are healthy again',
  description:
    'What is not on disk is lost: where neither snapshots nor the append-only file keep the keys, all of them, and --force is needed. While it loads its data it serves nobody.',
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
    force: z.boolean().default(false).meta({ description: 'although nothing keeps its keys' }),
  }),
  output: z.object({ cache: z.string(), latencyMs: z.number(), keys: z.number() }),
  plan: async (input, context) => {
    const cache = cacheNamed(context.platform, input.cache);
    // One that does not answer may be restarted for just that.
    const vitals = await context.readers.cache.vitals(cache).catch(() => undefined);
    const kept = vitals === undefined ? undefined : await context.readers.cache.keepsKeys(cache);
    if (vitals !== undefined && kept === false && !input.force) mustBeEmpty(cache, vitals);
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
      seen: [vitals === undefined ? 'it does not answer now' : keptText(vitals, kept)],
    });
  },
  report: async (input, context: Context) => {
    const cache = cacheNamed(context.platform, input.cache);
    const { latencyMs, keys } = await context.readers.cache.vitals(cache);
    return { cache, latencyMs, keys };
  },
  text: (data, style) =>
    `${style.good('✓')} it answers in ${duration(data.latencyMs)} with ${plural(data.keys, 'key')}, and the services are healthy`,
});

/** @throws UNSAFE where a restart would lose keys */
function mustBeEmpty(cache: string, { keys }: CacheVitals): void {
  if (keys === 0) return;
  throw new OpsError(
    'UNSAFE',
    `cache ${cache} keeps nothing on disk: a restart would lose its ${plural(keys, 'key')}`,
    {
      hint: 'See what they are: opsctl cache keys --by prefix. If they may be lost: --force',
    },
  );
}

function keptText({ keys, persistence }: CacheVitals, kept: boolean | undefined): string {
  const many = plural(keys, 'key');
  if (kept === undefined) return `${many}; whether they are kept on disk is hidden from this user`;
  if (!kept) return `${many}, of which nothing is kept on disk`;
  if (persistence.aofEnabled === true) return `${many}, kept by the append-only file`;
  return `${many}; ${plural(persistence.rdbChanges ?? 0, 'change')} since the last snapshot, which an orderly end saves`;
}
