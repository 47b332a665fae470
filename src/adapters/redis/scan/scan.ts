/** Looks at keys without standing in the way of others: in small batches, paced, within a budget, resumable. */
import { setTimeout as pause } from 'node:timers/promises';

import type { KeyScan, ScanRequest } from '../../../core/ports/cache.ts';
import type { Connection } from '../connect.ts';
import { scanPage, select } from '../keyspace.ts';
import { roundTrip } from '../parts/latency.ts';
import type { Seat } from '../parts/part.ts';
import { type Asks, openAsks } from './facts.ts';
import { type Guard, openGuard } from './guard.ts';
import { keyOf, openTally, type Seen, type Tally } from './tally.ts';

/** Round trips before the scan. */
const BASELINE = 25;
/**
 * A batch is followed by a pause of this share of its time. Most of that time is our own work (10 µs a command, measured;
 * the server needs 1 µs), so that the server is ours for a tenth of the time or less.
 */
const PAUSE_SHARE = 0.25;

/** A scan on its way. */
interface Walk {
  connection: Connection;
  asks: Asks;
  guard: Guard;
  tally: Tally;
  end: number;
  keys: number;
  signal: AbortSignal | undefined;
  commands: number;
}

export async function scan(seat: Seat, request: ScanRequest, signal?: AbortSignal): Promise<KeyScan> {
  const { connection, server } = seat;
  const started = performance.now();
  const touched = await standAside(connection);
  const before: number[] = [];
  for (let index = 0; index < BASELINE; index += 1) before.push(await roundTrip(connection));
  const walk: Walk = {
    connection,
    asks: openAsks(connection, request.facts, server),
    guard: openGuard(before),
    tally: openTally(request.top),
    end: started + request.ms,
    keys: request.keys,
    signal,
    commands: BASELINE + 2,
  };
  const databases = server.databases?.map(({ index }) => index) ?? [0];
  const { ended, cursor } = walk.asks.isIdle()
    ? { ended: 'all' as const }
    : await throughDatabases(walk, databases, request);
  const { top, ...counted } = walk.tally.counted();
  const [byBytes, byElements, byHeat] = [
    await walk.asks.whole(top.bytes),
    await walk.asks.whole(top.elements),
    await walk.asks.whole(top.heat),
  ];
  return {
    ...counted,
    total: server.databases?.reduce((sum, { keys }) => sum + keys, 0),
    ...(cursor === undefined ? {} : { cursor }),
    ended,
    latencyMs: walk.guard.latencyMs(),
    ms: performance.now() - started,
    commands: walk.commands + walk.asks.sent(),
    touched,
    lacks: walk.asks.lacks(),
    byBytes: byBytes.map(shown),
    byElements: byElements.map(shown),
    byHeat: byHeat.map(shown),
  };
}

const shown = ({ type, ...seen }: Seen & { type?: string | undefined }): ReturnType<typeof keyOf> => keyOf(seen, type);

/** What is looked at must not count as used, else a scan decides what is evicted. @returns whether it does all the same */
async function standAside(connection: Connection): Promise<boolean> {
  const [reply] = await connection.runAll([['CLIENT', 'NO-TOUCH', 'ON']]);
  return reply?.is !== 'answer';
}

type End = Pick<KeyScan, 'ended' | 'cursor'>;

/** One database after the other, from where an earlier scan ended: `<database>:<cursor>`. */
async function throughDatabases(walk: Walk, databases: readonly number[], { cursor }: ScanRequest): Promise<End> {
  const [, first, from = '0'] = /^(\d{1,5}):(\d{1,20})$/.exec(cursor ?? '') ?? [];
  const started = first === undefined ? undefined : Number(first);
  const left = databases.toSorted((a, b) => a - b).filter((index) => started === undefined || index >= started);
  try {
    for (const index of left) {
      if (databases.length > 1 || index !== 0) await select(walk.connection, index);
      const end = await throughKeys(walk, index, index === started ? from : '0');
      if (end.ended !== 'all') return end;
    }
    return { ended: 'all' };
  } finally {
    if (walk.connection.isOpen() && (left.length > 1 || left[0] !== 0)) await select(walk.connection, 0);
  }
}

async function throughKeys(walk: Walk, database: number, from: string): Promise<End> {
  let cursor = from;
  for (;;) {
    const began = performance.now();
    const { next, keys } = await scanPage(walk.connection, cursor);
    walk.commands += 1;
    for (const seen of await walk.asks.of(keys, database)) walk.tally.saw(seen);
    if (next === '0') return { ended: 'all' };
    cursor = next;
    const took = performance.now() - began;
    const ended = await mayGoOn(walk);
    if (ended !== undefined) return { ended, cursor: `${database.toString()}:${cursor}` };
    await pause(took * PAUSE_SHARE);
  }
}

/** Why the scan ends here; undefined when it may go on. */
async function mayGoOn(walk: Walk): Promise<Exclude<KeyScan['ended'], 'all'> | undefined> {
  walk.signal?.throwIfAborted();
  walk.guard.saw(await roundTrip(walk.connection));
  walk.commands += 1;
  if (walk.guard.isSlower()) return 'latency';
  if (walk.tally.scanned() >= walk.keys) return 'keys';
  return performance.now() >= walk.end ? 'time' : undefined;
}
