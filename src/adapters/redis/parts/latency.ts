import { setTimeout as pause } from 'node:timers/promises';

import { asOpsError } from '../../../core/errors.ts';
import type { CacheLatency, CommandUse } from '../../../core/ports/cache.ts';
import type { Connection } from '../connect.ts';
import { parseInfo } from '../info.ts';
import { asRows, numberOf, textOf } from '../reply.ts';
import { setting } from './setting.ts';
import type { Part } from './part.ts';

/** Round trips that are measured, and the time between two: enough that a server which stalls now and then is caught. */
const PINGS = 50;
const PAUSE_MS = 10;
/** Commands by the time that they took in all. */
const COMMANDS = 50;

export const latency: Part<CacheLatency> = async ({ connection }) => {
  const pings: number[] = [];
  for (let index = 0; index < PINGS; index += 1) {
    if (index > 0) await pause(PAUSE_MS);
    pings.push(await roundTrip(connection));
  }
  const monitor = await setting(connection, 'latency-monitor-threshold');
  const events = await optional(connection.run(['LATENCY', 'LATEST'], '+latency|latest'));
  const [counted, timed] = [await section(connection, 'commandstats'), await section(connection, 'latencystats')];
  return {
    pings,
    ...(monitor === undefined ? {} : { monitorMs: Number(monitor) }),
    ...(events === undefined ? {} : { events: asRows(events).map(event) }),
    commands: [...counted]
      .filter(([field]) => field.startsWith('cmdstat_'))
      .map(([field, text]) => use(field.slice('cmdstat_'.length), text, timed))
      .toSorted((a, b) => b.totalMs - a.totalMs)
      .slice(0, COMMANDS),
  };
};

/** One round trip in ms. */
export async function ping(connection: Connection): Promise<number> {
  const started = performance.now();
  await connection.run(['PING'], '+ping');
  return performance.now() - started;
}

/** One round trip in ms, also to a server that refuses PING because its saves fail. */
export async function roundTrip(connection: Connection): Promise<number> {
  const started = performance.now();
  try {
    return await ping(connection);
  } catch (error) {
    if (asOpsError(error).details?.['reply'] !== 'MISCONF') throw error;
    return performance.now() - started;
  }
}

/** What this user may not ask is absent; the pings tell something all the same. */
async function optional<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (thrown) {
    const error = asOpsError(thrown);
    if (error.details?.['reply'] === undefined) throw error;
    return undefined;
  }
}

const section = async (connection: Connection, name: string): Promise<ReadonlyMap<string, string>> =>
  parseInfo(textOf((await optional(connection.run(['INFO', name], '+info'))) ?? ''));

const event = ([name, seconds, last, most]: readonly unknown[]): NonNullable<CacheLatency['events']>[number] => ({
  name: textOf(name).slice(0, 60),
  at: new Date(numberOf(seconds) * 1000).toISOString(),
  lastMs: numberOf(last),
  mostMs: numberOf(most),
});

/** `calls=3,usec=120,usec_per_call=40.00,rejected_calls=0,failed_calls=0`, and of latencystats `p50=1.003,p99=2.007`. */
function use(name: string, text: string, timed: ReadonlyMap<string, string>): CommandUse {
  const fields = pairs(text);
  const percentiles = pairs(timed.get(`latency_percentiles_usec_${name}`) ?? '');
  const ms = (field: string): number | undefined => {
    const micros = percentiles.get(field);
    return micros === undefined ? undefined : numberOf(micros) / 1000;
  };
  return {
    name: name.slice(0, 60),
    calls: numberOf(fields.get('calls')),
    totalMs: numberOf(fields.get('usec')) / 1000,
    failed: numberOf(fields.get('rejected_calls')) + numberOf(fields.get('failed_calls')),
    p50Ms: ms('p50'),
    p99Ms: ms('p99'),
  };
}

const pairs = (text: string): Map<string, string> =>
  new Map(text.split(',').map((pair) => [pair.split('=')[0] ?? '', pair.split('=')[1] ?? '']));
