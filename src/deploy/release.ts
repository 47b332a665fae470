/** The release port: whether a new version answers, is well once it is live, and stands beside the stable one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

import { asOpsError, OpsError } from '../core/errors.ts';
import type { Platform } from '../core/platform.ts';
import type { Readers } from '../core/ports.ts';
import type { Route } from '../core/ports/load-balancer.ts';
import type { Candidate, CanaryStep, ComparedService, ReleaseReader, Watch } from '../core/ports/release.ts';
import { sameRoute } from '../core/routing.ts';
import type { Analysis } from './analysis/data.ts';
import { intervalAt } from './analysis/looks.ts';
import { type Compared, compareVersions, glanceAtWatch, lookAtStep, sinceThen } from './compare.ts';
import { viewOf, watchViewOf } from './view.ts';
import { SHORTEST_MS } from './measure.ts';

/** Between two answers that count as in a row, and between two questions about containers, in ms. */
const BETWEEN_MS = 1000;
/** What a probe may take, in ms. */
const PROBE_MS = 5000;
/** What is taken back may leave something that runs, such as a canary without visitors. */
const LOOK = 'See what is live, and what to run now: opsctl deploy status';

export function openRelease(readers: Readers, platform: Platform): ReleaseReader {
  const ask = async (candidate: Candidate): Promise<string[]> => {
    const { asks, containers = [] } = candidate;
    const wrong = [
      ...containers.map((name) => wrongWith(name, readers)),
      ...asks.map((one) => wrongAt(one, candidate, readers, platform)),
    ];
    return (await Promise.all(wrong)).filter((line) => line !== '');
  };
  let looked = '';
  /** What the last look at a watch saw. */
  let lastWatch: { watch: Watch; seen: readonly Compared[] | OpsError } | undefined;
  /** Prometheus has something new only every few seconds: one look in each such time is enough. */
  const isDue = (since: string, elapsed: number): boolean => {
    const now = `${since} ${intervalAt(elapsed).toString()}`;
    if (now === looked) return false;
    looked = now;
    return true;
  };
  /** How long the route has been as it is, once its containers were seen to be well and a moment was given to others. */
  const lived = async (watched: {
    instance: string;
    directory: string;
    route: Route;
    containers: string[];
  }): Promise<{ since: string; elapsed: number }> => {
    await sleep(BETWEEN_MS);
    const since = await liveSince(watched, readers);
    for (const name of watched.containers) await mustServe(name, readers);
    return { since, elapsed: await sinceThen(since, readers) };
  };
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
      const { since, elapsed } = await lived(watch);
      const isOver = elapsed >= watch.forMs;
      // What came since the last look counts as well when the time is over.
      if (elapsed >= SHORTEST_MS && (isDue(since, elapsed) || isOver)) {
        const glance = glanceAtWatch(watch, since, elapsed);
        // Prometheus that does not answer is no reason to take a release back: its containers are still watched.
        const seen = await compareVersions(watch.services, glance, platform, readers).catch(asOpsError);
        lastWatch = { watch, seen };
        if (!(seen instanceof OpsError)) mustNotFail(seen);
      }
      return isOver;
    },
    watchView: async (watch) =>
      watchViewOf(watch, isDeepStrictEqual(lastWatch?.watch, watch) ? lastWatch?.seen : undefined, platform),
    hasPassed: async (step) => {
      const { since, elapsed } = await lived(step);
      if (elapsed < SHORTEST_MS || !isDue(since, elapsed)) return false;
      const glance = { elapsed, looks: lookAtStep(step, elapsed) };
      // What could not be asked is not known: the canary stays as it is, and is held when that lasts; its view tells why.
      const seen = await compareVersions(step.services, glance, platform, readers).catch(() => []);
      mustNotFail(seen);
      // A service of the canary that nobody looked at has not passed.
      const whole = seen.length > 0 && seen.length >= (step.route.canary?.services.length ?? 0);
      return elapsed >= step.forMs && whole && seen.every(({ analysis }) => analysis.verdict === 'pass');
    },
    canaryView: async (step) => await viewOf(step, platform, readers),
  };
}

function mustNotFail(seen: readonly { service: ComparedService; analysis: Analysis }[]): void {
  const failed = seen.find(({ analysis }) => analysis.verdict === 'fail');
  if (failed === undefined) return;
  const { service, analysis } = failed;
  throw new OpsError(
    'UNSAFE',
    `${service.metrics} ${service.candidate} is worse than ${service.stable}: ${analysis.reason}`,
    { hint: LOOK, details: { analysis: analysis.rules } },
  );
}

/** What keeps a container from serving; empty when nothing does. */
async function wrongWith(name: string, { engine }: Readers): Promise<string> {
  if (await engine.isServing(name)) return '';
  const { state, health, probe } = await engine.whyNotServing(name);
  return `${name} does not serve: it is ${[state === 'running' ? health : state, ...(probe === undefined ? [] : [probe])].join(', ')}`;
}

/** What is wrong with the answer of a URL, asked of one colour through the load balancer; empty when nothing is. */
async function wrongAt(
  { url, colour }: Candidate['asks'][number],
  { instance, directory }: Candidate,
  { loadBalancer }: Readers,
  { tls }: Platform,
): Promise<string> {
  try {
    const { status, body } = await loadBalancer.probe(instance, directory, { url, colour, timeoutMs: PROBE_MS, tls });
    return status >= 200 && status < 300 ? '' : `${url}: HTTP ${status.toString()} ${body.slice(0, 300)}`.trim();
  } catch (thrown) {
    return `${url}: ${asOpsError(thrown).message}`;
  }
}

/** When traffic began to go there. @throws UNSAFE when it does not any more */
async function liveSince(
  { instance, directory, route }: Pick<CanaryStep, 'instance' | 'directory' | 'route'>,
  { loadBalancer }: Readers,
): Promise<string> {
  const now = await loadBalancer.routing(instance, directory);
  if (now !== undefined && sameRoute(now, route)) return now.since;
  throw new OpsError(
    'UNSAFE',
    'traffic does not go where this deploy sent it any more: somebody changed it meanwhile',
    { hint: LOOK },
  );
}

async function mustServe(name: string, { engine }: Readers): Promise<void> {
  const { restartCount, state, health } = await engine.container(name);
  if (state === 'running' && restartCount === 0 && health !== 'unhealthy') return;
  const why = restartCount > 0 ? 'restarted' : state === 'running' ? 'became unhealthy' : `is ${state}`;
  throw new OpsError('UNSAFE', `${name} ${why} after it got traffic`, {
    hint: LOOK,
    details: { ...(await engine.whyNotServing(name)) },
  });
}
