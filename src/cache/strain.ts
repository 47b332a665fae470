/** Who else is served while a cache is filled, or has to be, and whether they get into trouble by it. */
import { database as judgeDatabase } from '../checks/database.ts';
import { traffic as judgeTraffic } from '../checks/monitoring.ts';
import { asOpsError } from '../core/errors.ts';
import { duration } from '../core/format.ts';
import type { Platform } from '../core/platform.ts';
import type { Readers } from '../core/ports.ts';
import { observeTraffic } from '../core/traffic.ts';
import { type Status, worst } from '../core/verdict.ts';

/** One thing that could suffer, as it is now. */
export interface Sight {
  of: 'database' | 'visitors' | 'cache';
  about: string;
  status: Status;
  reason: string;
  value: number;
  /** Whether it is so bad now that nobody should go on, when that is what it was before. */
  tooBad: (now: Sight, before: Sight | undefined) => boolean;
}

/** Of a database, what more questions to it can make bad; the rest is as it was. */
const OF_LOAD = ['connections', 'locks', 'transactions'];
/** What is bad from the beginning must not become so many times as bad. */
const TIMES = 2;
/** A database that answers this many times slower than before, and slower than this in ms, is busy with something. */
const [SLOWER, SLOW_MS] = [5, 200];
/** Keys that make room for others, from so many on: what is put in drives out what was there. */
const EVICTED = 100;

const critical: Sight['tooBad'] = (now, before) =>
  now.status === 'crit' && (before?.status !== 'crit' || now.value > TIMES * before.value);
const slower: Sight['tooBad'] = (now, before) =>
  now.value > SLOW_MS && before !== undefined && now.value > SLOWER * before.value;
const fuller: Sight['tooBad'] = (now, before) => before !== undefined && now.value - before.value >= EVICTED;

/** What of the databases is critical already that more questions would make worse. */
export async function strainedDatabases(platform: Platform, readers: Readers): Promise<Sight[]> {
  return (await databasesNow(platform, readers)).filter(({ status }) => status === 'crit');
}

/** Looks at the databases, the services' visitors and the cache. Never throws: who does not answer is in trouble. */
export async function sights(cache: string, platform: Platform, readers: Readers): Promise<Sight[]> {
  const found = await Promise.all([
    databasesNow(platform, readers),
    visitorsNow(platform, readers),
    cacheNow(cache, readers),
  ]);
  return found.flat();
}

/** Why to stop: what is critical and was not before, or is much worse. Whether to slow down: what is not well any more. */
export function compared(before: readonly Sight[], now: readonly Sight[]): { stop?: string; slower: boolean } {
  const bad = now.find((one) =>
    one.tooBad(
      one,
      before.find(({ about }) => about === one.about),
    ),
  );
  return {
    ...(bad === undefined ? {} : { stop: `${bad.about}: ${bad.reason}` }),
    slower: worst(now.map(({ status }) => status)) !== 'ok',
  };
}

const gone = (of: Sight['of'], about: string, thrown: unknown): Sight => {
  const reason = asOpsError(thrown).message;
  return { of, about, status: 'crit', reason, value: 0, tooBad: critical };
};

async function databasesNow(platform: Platform, readers: Readers): Promise<Sight[]> {
  const names = Object.keys(platform.databases);
  return (await Promise.all(names.map((name) => databaseNow(name, platform, readers)))).flat();
}

async function databaseNow(name: string, { thresholds }: Platform, { database }: Readers): Promise<Sight[]> {
  const about = `database ${name}`;
  try {
    const { longestTransaction: open, ...rest } = await database.vitals(name);
    // Who idles in a transaction is no load; whoever that holds up waits for a lock.
    const isIdle = open?.state.startsWith('idle in transaction') === true;
    const vitals = { ...rest, longestTransaction: isIdle ? null : open, longestIdle: null };
    const { latencyMs } = vitals;
    const verdicts = Object.entries(judgeDatabase(vitals, thresholds)).filter(([part]) => OF_LOAD.includes(part));
    return [
      ...verdicts.map(([part, { status, reason, value = 0 }]) => ({
        of: 'database' as const,
        about: `${about} ${part}`,
        status,
        reason,
        value,
        tooBad: critical,
      })),
      {
        of: 'database',
        about: `${about} latency`,
        status: 'ok',
        reason: `it answers in ${duration(latencyMs)} only`,
        value: latencyMs,
        tooBad: slower,
      },
    ];
  } catch (thrown) {
    return [gone('database', about, thrown)];
  }
}

/** Nothing where there is no Prometheus, or it does not answer: it is no part of what serves visitors. */
async function visitorsNow(platform: Platform, { metrics }: Readers): Promise<Sight[]> {
  if (platform.prometheus === undefined) return [];
  try {
    return (await observeTraffic(platform, metrics)).flatMap((facts) => {
      const { errors, latency } = judgeTraffic(facts, platform.thresholds);
      return [errors, latency].map(({ status, reason, value = 0 }, index) => ({
        of: 'visitors' as const,
        about: `${facts.service} ${index === 0 ? 'errors' : 'p95'}`,
        // That nobody comes, or nobody counts, is no trouble.
        status: status === 'unknown' || status === 'skipped' ? ('ok' as const) : status,
        reason,
        value,
        tooBad: critical,
      }));
    });
  } catch {
    return [];
  }
}

async function cacheNow(name: string, { cache }: Readers): Promise<Sight[]> {
  const about = `cache ${name}`;
  try {
    const { evictedKeys: value } = await cache.vitals(name);
    const reason = 'keys have to make room for what is put in';
    return value === undefined
      ? []
      : [{ of: 'cache', about: `${about} evictions`, status: 'ok', reason, value, tooBad: fuller }];
  } catch (thrown) {
    return [gone('cache', about, thrown)];
  }
}
