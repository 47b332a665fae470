/** Asks for URLs so that their answers fill a cache, and stops where somebody else pays for it. */
import { setTimeout as sleep } from 'node:timers/promises';

import { asOpsError, OpsError } from '../core/errors.ts';
import { duration, percent, plural } from '../core/format.ts';
import { percentile } from '../core/percentiles.ts';
import type { Platform } from '../core/platform.ts';
import type { Readers } from '../core/ports.ts';
import type { HitsSeen, Warmed, Warming, WarmTarget, WarmWriter } from '../core/ports/warm.ts';
import { trafficDuring } from './traffic-during.ts';
import { compared, type Sight, sights } from './strain.ts';

/** How long reads are counted for, in ms: long enough for some hundred of a small shop. */
const COUNT_MS = 3000;
/** How often it is looked at who else is served, in ms. A look costs a read-only transaction and three queries. */
const LOOK_MS = 2000;
/** Answers that are judged together; fewer say nothing. */
const [LAST, FEWEST] = [100, 20];
/** Share of the last answers that may be failures. */
const FAILED = 0.1;
/** Bytes of an answer that are read. What fills the cache is done before the first of them is sent. */
const BODY_LIMIT = 64 * 1024;

/** An answer, as far as it matters here. */
interface Answered {
  ms: number;
  failed?: string;
}

/** URLs that are being asked for. */
interface Run {
  left: WarmTarget[];
  /** Those that were not answered well. */
  failed: WarmTarget[];
  /** Requests at a time, now. */
  lanes: number;
  /** Why it is stopped; empty while it is not. */
  stop: string;
}

/** The port of one run: of each cache it knows what that run has asked for. */
export function openWarm(readers: Readers, platform: Platform): WarmWriter {
  const caches = new Map<string, OneWarm>();
  const of = (cache: string): OneWarm => {
    const known = caches.get(cache) ?? warmOne(cache, readers, platform);
    caches.set(cache, known);
    return known;
  };
  return {
    hitsBefore: (cache) => of(cache).hitsBefore(),
    inTheWay: (cache) => of(cache).inTheWay(),
    ask: (warming) => of(warming.cache).ask(warming),
    warmed: (cache) => of(cache).warmed(),
  };
}

/** The port, of one cache. */
interface OneWarm {
  hitsBefore(): Promise<HitsSeen | null>;
  inTheWay(): Promise<string[]>;
  ask(warming: Warming): Promise<string>;
  warmed(): Promise<Warmed>;
}

function warmOne(cache: string, readers: Readers, platform: Platform): OneWarm {
  const sum = { asked: 0, failed: 0, there: 0, unfilled: 0 };
  const last: Answered[] = [];
  let before: Promise<HitsSeen | null> | undefined;
  let normal: Promise<Sight[]> | undefined;

  const look = (): Promise<Sight[]> => sights(cache, platform, readers);
  const normally = (): Promise<Sight[]> => (normal ??= look());

  const one = async ({ url }: WarmTarget, timeoutMs: number): Promise<boolean> => {
    const began = performance.now();
    const failed = await readers.http.get(url, { timeoutMs, tls: platform.tls, bodyLimit: BODY_LIMIT }).then(
      ({ status }) => (status < 400 ? undefined : `${url} answers ${status.toString()}`),
      (thrown: unknown) => asOpsError(thrown).message,
    );
    sum.asked += 1;
    if (failed !== undefined) sum.failed += 1;
    last.push({ ms: performance.now() - began, ...(failed === undefined ? {} : { failed }) });
    if (last.length > LAST) last.shift();
    return failed === undefined;
  };

  /** Asks for what is left, as many at a time as are allowed at that moment. */
  const askAll = async (run: Run, { concurrency, timeoutMs, p99Ms }: Warming): Promise<void> => {
    const lane = async (index: number): Promise<void> => {
      while (run.stop === '' && run.left.length > 0) {
        // A lane that is not wanted now may be again.
        if (index >= run.lanes) await sleep(LOOK_MS / 10);
        else {
          const next = run.left.shift();
          if (next !== undefined && !(await one(next, timeoutMs))) run.failed.push(next);
          run.stop ||= badAnswers(last, p99Ms);
        }
      }
    };
    await Promise.all(Array.from({ length: concurrency }, (_, index) => lane(index)));
  };

  /** Looks at who else is served until all is asked for. */
  const guard = async (
    run: Run,
    { concurrency }: Warming,
    usual: readonly Sight[],
    over: AbortSignal,
  ): Promise<void> => {
    for (;;) {
      await sleep(LOOK_MS, undefined, { signal: over }).catch(() => undefined);
      if (over.aborted) return;
      const { stop = '', slower } = compared(usual, await look());
      run.stop ||= stop;
      run.lanes = slower ? Math.max(1, Math.floor(run.lanes / 2)) : Math.min(concurrency, run.lanes + 1);
    }
  };

  const ask = async (warming: Warming): Promise<string> => {
    const { targets, concurrency } = warming;
    const began = { ...sum };
    const usual = await normally();
    const open = await missing(cache, targets, readers);
    sum.there += targets.length - open.length;
    const run: Run = { left: [...open], failed: [], lanes: concurrency, stop: '' };
    const over = new AbortController();
    await Promise.all([askAll(run, warming).finally(() => over.abort()), guard(run, warming, usual, over.signal)]);
    const done = open.slice(0, open.length - run.left.length);
    const well = done.filter((one) => !run.failed.includes(one));
    sum.unfilled += (await missing(cache, well, readers)).filter(({ key }) => key !== undefined).length;
    run.stop ||= tooManyFailed(run.failed.length, done.length, last);
    const told = words(sum, began);
    if (run.stop === '') return told;
    throw new OpsError('UNSAFE', `stopped: ${run.stop}`, {
      hint: 'What was asked for stays in the cache. Look at it, then run it again: opsctl health --detailed',
      details: { done: told, left: run.left.length },
    });
  };

  return {
    hitsBefore: () => (before ??= counted(cache, readers)),
    inTheWay: async () => {
      const now = await normally();
      // That visitors wait is what a warm cache is to mend.
      return now
        .filter(({ of, status }) => of !== 'visitors' && status === 'crit')
        .map(({ about, reason }) => `${about}: ${reason}`);
    },
    ask,
    warmed: async (): Promise<Warmed> => ({
      ...sum,
      p99Ms: rounded(percentile(answered(last), 0.99)),
      before: before === undefined ? null : await before,
      after: await counted(cache, readers),
    }),
  };
}

/** Reads of a cache from now on. */
async function counted(name: string, { cache }: Readers): Promise<HitsSeen | null> {
  const { look, windowMs } = await trafficDuring(name, COUNT_MS, cache);
  const { traffic } = look.parts;
  if (traffic.is !== 'seen' || windowMs === undefined) return null;
  const { hits, misses } = traffic.value;
  return { hits, reads: hits + misses, ms: windowMs };
}

/** Those whose key is not there, and those without one. */
async function missing(cache: string, targets: readonly WarmTarget[], readers: Readers): Promise<WarmTarget[]> {
  const keys = targets.flatMap(({ key }) => key ?? []);
  if (keys.length === 0) return [...targets];
  const there = await readers.cache.exist(cache, keys);
  const known = new Set(keys.filter((_, index) => there[index] === true));
  return targets.filter(({ key }) => key === undefined || !known.has(key));
}

const answered = (last: readonly Answered[]): number[] =>
  last.filter(({ failed }) => failed === undefined).map(({ ms }) => ms);

/** Why the answers themselves are a reason to stop; empty when they are not. */
function badAnswers(last: readonly Answered[], p99Ms: number): string {
  if (last.length < FEWEST) return '';
  const failed = last.filter((one) => one.failed !== undefined);
  if (failed.length / last.length > FAILED)
    return `${failed.length.toString()} of the last ${last.length.toString()} answers are failures${lastFailure(last)}`;
  const p99 = percentile(answered(last), 0.99) ?? 0;
  return p99 > p99Ms ? `one in a hundred answers takes ${duration(p99)} or more, above ${duration(p99Ms)}` : '';
}

/** At the end of a piece all its answers are judged, however few they are. */
const tooManyFailed = (failed: number, asked: number, last: readonly Answered[]): string =>
  asked > 0 && failed / asked > FAILED
    ? `${failed.toString()} of ${plural(asked, 'answer is a failure', 'answers are failures')}${lastFailure(last)}`
    : '';

const lastFailure = (last: readonly Answered[]): string =>
  `, the last: ${last.findLast(({ failed }) => failed !== undefined)?.failed ?? ''}`;

const rounded = (ms: number | undefined): number | null => (ms === undefined ? null : Math.round(ms));

type Sum = Pick<Warmed, 'asked' | 'failed' | 'there' | 'unfilled'>;

function words(now: Sum, before: Sum): string {
  const since = (name: keyof Sum): number => now[name] - before[name];
  const parts = [
    `${plural(since('asked'), 'URL')} asked for`,
    ...(since('there') === 0 ? [] : [`${since('there').toString()} were there`]),
    ...(since('failed') === 0 ? [] : [`${since('failed').toString()} failed`]),
    ...(since('unfilled') === 0 ? [] : [`${since('unfilled').toString()} did not fill their key`]),
  ];
  return parts.join(', ');
}

/** A ratio in words. */
export const ratioText = (seen: HitsSeen | null): string =>
  seen === null
    ? 'not told by the server'
    : seen.reads === 0
      ? `no reads in ${duration(seen.ms)}`
      : `${percent(seen.hits / seen.reads)} of ${plural(seen.reads, 'read')} in ${duration(seen.ms)}`;
