/** The release port: whether a new version answers, and whether it is well once it is live. */
import { setTimeout as sleep } from 'node:timers/promises';

import { asOpsError, OpsError } from '../core/errors.ts';
import type { Platform } from '../core/platform.ts';
import type { Readers } from '../core/ports.ts';
import type { Candidate, ReleaseReader, Watch } from '../core/ports/release.ts';
import { sameRoute } from '../core/routing.ts';

/** Between two answers that count as in a row, in ms. */
const BETWEEN_MS = 1000;
/** What a probe may take, in ms. */
const PROBE_MS = 5000;

export function openRelease(readers: Readers, platform: Platform): ReleaseReader {
  const ask = async (candidate: Candidate): Promise<string[]> =>
    (await Promise.all(candidate.asks.map((one) => wrongAt(one, candidate, readers, platform)))).filter(
      (line) => line !== '',
    );
  return {
    answers: async (candidate) => {
      for (let passed = 0; passed < candidate.passes; passed += 1) {
        if (passed > 0) await sleep(BETWEEN_MS);
        if ((await ask(candidate)).length > 0) return false;
      }
      return true;
    },
    whyNoAnswer: async (candidate) => ({ answers: await ask(candidate) }),
    isWell: async (watch) => {
      const since = await liveSince(watch, readers);
      for (const name of watch.containers) await mustServe(name, readers);
      const elapsed = Date.parse((await readers.engine.info()).time) - Date.parse(since);
      return elapsed >= watch.forMs;
    },
  };
}

/** What is wrong with the answer of a URL, asked of one colour through the load balancer; empty when nothing is. */
async function wrongAt(
  { url, colour }: Candidate['asks'][number],
  { door, directory }: Candidate,
  { loadBalancer }: Readers,
  { tls }: Platform,
): Promise<string> {
  try {
    const { status, body } = await loadBalancer.probe(door, directory, { url, colour, timeoutMs: PROBE_MS, tls });
    return status >= 200 && status < 300 ? '' : `${url}: HTTP ${status.toString()} ${body.slice(0, 300)}`.trim();
  } catch (thrown) {
    return `${url}: ${asOpsError(thrown).message}`;
  }
}

/** When the release became live. @throws UNSAFE when it is not any more */
async function liveSince({ door, directory, route }: Watch, { loadBalancer }: Readers): Promise<string> {
  const now = await loadBalancer.routing(door, directory);
  if (now !== undefined && sameRoute(now, route)) return now.since;
  throw new OpsError(
    'UNSAFE',
    'traffic does not go where this deploy sent it any more: somebody changed it meanwhile',
    {
      hint: 'See what is live: opsctl deploy status',
    },
  );
}

async function mustServe(name: string, { engine }: Readers): Promise<void> {
  const { restartCount, state, health } = await engine.container(name);
  if (state === 'running' && restartCount === 0 && health !== 'unhealthy') return;
  const why = restartCount > 0 ? 'restarted' : state === 'running' ? 'became unhealthy' : `is ${state}`;
  throw new OpsError('UNSAFE', `${name} ${why} after the switch`, {
    details: { ...(await engine.whyNotServing(name)) },
  });
}
