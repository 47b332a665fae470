/** Looks at keys without standing in the way of others: in small batches, paced, within a budget, resumable. */
import { constants, setPriority } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';

import { OpsError } from '../../../core/errors.ts';
import type { KeyScan, ScanRequest } from '../../../core/ports/cache.ts';
import type { Connection } from '../connect.ts';
import { inDatabase, scanPage } from '../keyspace.ts';
import { roundTrip } from '../parts/latency.ts';
import type { Seat } from '../parts/part.ts';
import { type Asks, openAsks } from './facts.ts';
import { type Guard, openGuard } from './guard.ts';
import { openPace, type Pace } from './pace.ts';
import { keyOf, openTally, type Seen, type Tally } from './tally.ts';

/**
 * Keys a batch, which others wait for. With 200 another client's round trips took three times as long, in the middle, as with
 * 50, and the scan itself was no quicker.
 */
const BATCH = 50;
/** Round trips before the scan. */
const BASELINE = 25;
/** Time between two round trips during the scan, in ms. */
const GUARD_EVERY_MS = 20;

/** A scan on its way. */
interface Walk {
  connection: Connection;
  asks: Asks;
  guard: Guard;
  tally: Tally;
  end: number;
  keys: number;
  pattern: string | undefined;
  signal: AbortSignal | undefined;
  pace: Pace;
  /** Keys that were asked about. */
  looked: number;
  commands: number;
}

export async function scan(seat: Seat, request: ScanRequest, signal?: AbortSignal): Promise<KeyScan> {
  const { connection, server } = seat;
  const started = performance.now();
  giveWay();
  const touched = await standAside(connection);
  const before: number[] = [];
  for (let index = 0; index < BASELINE; index += 1) before.push(await roundTrip(connection));
  const walk: Walk = {
    connection,
    asks: openAsks(connection, request.facts, server),
    guard: openGuard(before),
    tally: openTally(request.top, request.groups),
    end: started + request.ms,
    keys: request.keys,
    pattern: request.pattern,
    signal,
    pace: openPace(),
    looked: 0,
    commands: BASELINE + 2,
  };
  const { database } = request;
  const there = server.databases?.filter(({ index }) => database === undefined || index === database);
  const databases = database === undefined ? (there?.map(({ index }) => index) ?? [server.database]) : [database];
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
    total: there?.reduce((sum, { keys }) => sum + keys, 0),
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

/**
 * Where the server and its clients run on this machine, too, they get the processor first: the slowest hundredth of another
 * client's round trips is a fifth shorter then, and the scan takes no longer. It holds until the program ends.
 */
function giveWay(): void {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Some sandboxes forbid it. It is a courtesy.
  }
}

/** What is looked at must not count as used, else a scan decides what is evicted. @returns whether it does all the same */
async function standAside(connection: Connection): Promise<boolean> {
  const [reply] = await connection.runAll([['CLIENT', 'NO-TOUCH', 'ON']]);
  return reply instanceof OpsError;
}

type End = Pick<KeyScan, 'ended' | 'cursor'>;

/** One database after the other, from where an earlier scan ended: `<database>:<cursor>`. */
async function throughDatabases(walk: Walk, databases: readonly number[], { cursor }: ScanRequest): Promise<End> {
  const [, first, from = '0'] = /^(\d{1,5}):(\d{1,20})$/.exec(cursor ?? '') ?? [];
  const started = first === undefined ? undefined : Number(first);
  const left = databases.toSorted((a, b) => a - b).filter((index) => started === undefined || index >= started);
  for (const index of left) {
    const end = await inDatabase(walk.connection, index, () =>
      throughKeys(walk, index, index === started ? from : '0'),
    );
    if (end.ended !== 'all') return end;
  }
  return { ended: 'all' };
}

async function throughKeys(walk: Walk, database: number, from: string): Promise<End> {
  const { connection, asks, pace, pattern } = walk;
  let [page, earlier] = [await scanPage(connection, from, BATCH, pattern), Promise.resolve<Seen[]>([])];
  let guarded = performance.now();
  for (;;) {
    walk.commands += 1;
    const { next, keys } = page;
    const began = performance.now();
    walk.looked += keys.length;
    const facts = asks.of(keys, database);
    // When the connection breaks, what is awaited says so.
    facts.catch(() => undefined);
    // What is asked in two steps has its second one in the same go as the first one of the next keys: one round trip each.
    const [seen, following] = await Promise.all([
      earlier,
      next === '0' ? undefined : scanPage(connection, next, BATCH, pattern),
    ]);
    const answered = performance.now();
    for (const one of seen) walk.tally.saw(one);
    earlier = facts;
    const ended = following === undefined ? 'all' : mayGoOn(walk);
    if (following === undefined || ended !== undefined) {
      for (const one of await facts) walk.tally.saw(one);
      return ended === undefined || ended === 'all'
        ? { ended: 'all' }
        : { ended, cursor: `${database.toString()}:${next}` };
    }
    page = following;
    // Some of the time is that of the way there and back, in which the server is free.
    const busy = answered - began - walk.guard.latencyMs().after;
    await rest(pace, pace.owes(busy, performance.now() - answered, walk.guard.strain()));
    // After the rest: right after an answer, those who keep the server busy have just been answered, too, and it is free.
    if (performance.now() - guarded >= GUARD_EVERY_MS) {
      await guard(walk);
      guarded = performance.now();
    }
  }
}

/** Lets others have the server. */
async function rest(pace: Pace, ms: number): Promise<void> {
  if (ms === 0) return;
  const began = performance.now();
  await pause(ms);
  pace.paid(performance.now() - began);
}

async function guard(walk: Walk): Promise<void> {
  walk.guard.saw(await roundTrip(walk.connection));
  walk.commands += 1;
}

/** Why the scan ends here; undefined when it may go on. */
function mayGoOn({
  signal,
  guard: { isSlower },
  looked,
  keys,
  end,
}: Walk): Exclude<KeyScan['ended'], 'all'> | undefined {
  signal?.throwIfAborted();
  if (isSlower()) return 'latency';
  if (looked >= keys) return 'keys';
  return performance.now() >= end ? 'time' : undefined;
}
