/**
 * The journal on the engine: files in a volume of opsctl's own, reached through the archive API of a container
 * that is never started.
 *
 *     events/<day>/<change>/<name>.json    an event a file, never overwritten
 *     index/<day>/<change>.json            written with the first event: a listing without reading events
 *
 * The API lists only by sending whole directories, hence the index and the days. It cannot delete, but a file put
 * where a directory is replaces the directory: so days are dropped, and one empty file a day is left of them.
 *
 * Durability: the engine answers after the file was written and closed, but it syncs nothing, and its API has no
 * call that does. What was answered survives the death of opsctl, of the engine and of every container; a power
 * cut of the engine's machine may take the last seconds (the kernel writes back within about 30 s). Where the
 * volume's directory is reachable from here (a local engine, as root), the file is fsynced in place, and then it
 * survives that too.
 */
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';

import type { ChangeEvent } from '../core/change.ts';
import { OpsError } from '../core/errors.ts';
import { getArchive, putArchive, statPath, type ArchiveFile, type NewFile } from './docker/archive.ts';
import { createBare, engineName } from './docker/bare.ts';
import type { DockerClient } from './docker/client.ts';
import { checkedId, EVENT_LIMIT, KEPT_CHANGES, parseEvent, type Entry, type IndexEntry } from './journal-entries.ts';

/** Where the volume appears in the container. */
const ROOT = '/journal';
const READ_LIMITS = { total: 64 * 1024 * 1024, file: EVENT_LIMIT, timeoutMs: 10_000 };
/** For a container that another machine is just making. */
const ATTEMPTS = 20;
const ATTEMPT_MS = 100;
/** Below so many wanted changes of a day, each is read by itself: measured, a read takes 15-30 ms however small. */
const FEW = 3;

const indexSchema = z.object({ recovers: z.string().optional() });
const volumeSchema = z.object({ Mountpoint: z.string() });

type Dated = IndexEntry & { day: string };
/** Under which day a change is kept, and whether the index says so already. */
type DayOf = { day: string; known: boolean };

export interface EngineJournal {
  readonly volume: string;
  /** @throws UNREACHABLE, TIMED_OUT; JOURNAL_UNWRITABLE when the engine answers and does not write */
  append(change: string, entries: readonly Entry[]): Promise<void>;
  /** Takes what one change wrote elsewhere, whatever of it is here already. @throws as `append` */
  takeIn(change: string, entries: readonly Entry[]): Promise<void>;
  /** All changes, the newest first. */
  index(): Promise<IndexEntry[]>;
  events(changes: readonly string[]): Promise<Entry[]>;
}

export function openEngineJournal(docker: DockerClient, scope: string): EngineJournal {
  const name = engineName('opsctl-journal', scope);
  const days = new Map<string, string>();
  let proved = false;
  let listed: Dated[] = [];
  let directory: Promise<string | undefined> | undefined;

  /** Makes volume and container when they are not there. True when the container was made just now. */
  const makeContainer = async (): Promise<boolean> =>
    (await createBare(docker, { name, labels: { 'opsctl.journal': scope }, volumes: { [ROOT]: name } })) !== 'taken';
  const volumeExists = async (): Promise<boolean> =>
    (await docker.request({ path: `/volumes/${name}`, asked: 'look for the journal', accept: [404] })).status !== 404;

  /** A directory of the journal; empty when there is none. Reading never makes a journal, only a lost container for one. */
  const read = async (path: string): Promise<ArchiveFile[]> => {
    for (let again = true; ; again = false) {
      try {
        return await getArchive(docker, name, `${ROOT}/${path}`, READ_LIMITS);
      } catch (error) {
        if (!(error instanceof OpsError) || error.code !== 'NOT_FOUND') throw error;
        if (!again || !(await volumeExists())) return [];
        await makeContainer();
      }
    }
  };
  const put = async (files: readonly NewFile[]): Promise<void> => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await putArchive(docker, name, ROOT, files);
      } catch (error) {
        if (!(error instanceof OpsError) || error.code !== 'NOT_FOUND' || attempt === ATTEMPTS) throw error;
        // Another machine may be making it this moment: the name is taken before the container is there.
        if (!(await makeContainer())) await sleep(ATTEMPT_MS);
      }
    }
  };

  const index = async (): Promise<Dated[]> => {
    const found: Dated[] = [];
    for (const file of await read('index')) {
      const [, day, change] = /^index\/([^/]+)\/([^/]+)\.json$/.exec(file.name) ?? [];
      if (file.type !== 'file' || day === undefined || change === undefined) continue;
      const { recovers } = parseIndex(file.data);
      days.set(change, day);
      found.push({ change, day, ...(recovers !== undefined && { recovers }) });
    }
    return (listed = found.sort((a, b) => (a.change < b.change ? 1 : -1)));
  };

  const dayOf = async (change: string, first: ChangeEvent): Promise<DayOf> => {
    if (!days.has(change) && first.type !== 'begin') await index();
    const day = days.get(change);
    return day === undefined ? { day: first.at.slice(0, 10), known: false } : { day, known: true };
  };

  /** Whole days, the oldest first, as long as enough changes are left. */
  const dropOld = async (): Promise<void> => {
    const perDay = new Map<string, number>();
    for (const { day } of await index()) perDay.set(day, (perDay.get(day) ?? 0) + 1);
    let left = [...perDay.values()].reduce((sum, count) => sum + count, 0);
    for (const day of [...perDay.keys()].sort()) {
      left -= perDay.get(day) ?? 0;
      if (left < KEPT_CHANGES) return;
      await put([`events/${day}`, `index/${day}`].map((path) => ({ name: path, data: '' })));
    }
  };

  /** Syncs what was just written, where the volume's own directory can be reached from here. */
  const sync = async (paths: readonly string[]): Promise<void> => {
    if (docker.endpoint.kind !== 'socket') return;
    const root = await (directory ??= mountpoint(docker, name));
    if (root === undefined) return;
    const all = new Set(paths.flatMap((path) => [path, dirname(path), dirname(dirname(path))]));
    for (const path of all) {
      if (!(await syncFile(join(root, path)))) {
        // Not our file system, or not ours to open: so it will be next time.
        directory = Promise.resolve(undefined);
        return;
      }
    }
  };

  /** Writes events of one change, whose day is known or not. The names are unique: what is there already stays as it is. */
  const write = async (change: string, entries: readonly Entry[], { day, known }: DayOf): Promise<void> => {
    const files = entries.map(({ name: entryName, event }) => {
      const data = JSON.stringify(event);
      if (Buffer.byteLength(data) > EVENT_LIMIT)
        throw new OpsError('JOURNAL_UNWRITABLE', `an event of change ${change} is too large for the journal`);
      return { name: `events/${day}/${checkedId(change)}/${entryName}.json`, data };
    });
    const last = files.at(-1);
    if (last === undefined) return;
    const recovers = entries
      .map(({ event }) => (event.type === 'begin' ? (event.recovers ?? event.settles) : undefined))
      .find(Boolean);
    // A change whose first event came late is in the index without what it recovers.
    const indexed =
      known && recovers === undefined
        ? []
        : [{ name: `index/${day}/${change}.json`, data: JSON.stringify({ recovers }) }];
    // The events first: what the index names exists.
    await put([...files, ...indexed]);
    // Once a run it is looked at: an engine may answer 200 and have written nothing (a body of a type that it did not expect).
    if (!proved && (await statPath(docker, name, `${ROOT}/${last.name}`))?.size !== Buffer.byteLength(last.data)) {
      throw new OpsError(
        'JOURNAL_UNWRITABLE',
        `the docker engine at ${docker.host} took an event for the journal and did not keep it`,
      );
    }
    proved = true;
    days.set(change, day);
    await sync([...files, ...indexed].map((file) => file.name));
  };

  const append = async (change: string, entries: readonly Entry[]): Promise<void> => {
    const [first] = entries;
    if (first === undefined) return;
    await write(checkedId(change), entries, await dayOf(change, first.event));
    // That old changes are not dropped is no reason to stop a new one.
    if (first.event.type === 'begin') await dropOld().catch(() => undefined);
  };

  const takeIn = async (change: string, entries: readonly Entry[]): Promise<void> => {
    const [first] = entries;
    if (first === undefined) return;
    // Another program may have brought part of it already, so that even a beginning is looked for.
    if (!days.has(checkedId(change))) await index();
    const day = days.get(change);
    await write(change, entries, { day: day ?? first.event.at.slice(0, 10), known: day !== undefined });
  };

  /** All of it at once, when that is about what is wanted; undefined when it is not, or too much. */
  const readMost = async (all: readonly Dated[], wanted: readonly Dated[]): Promise<ArchiveFile[] | undefined> =>
    wanted.length > all.length / 2 ? read('events').catch(skipLarge) : undefined;
  const readDays = async (all: readonly Dated[], wanted: readonly Dated[]): Promise<ArchiveFile[]> => {
    const ofDay = (list: readonly Dated[], day: string): Dated[] => list.filter((one) => one.day === day);
    const files: ArchiveFile[] = [];
    for (const day of new Set(wanted.map((one) => one.day))) {
      const some = ofDay(wanted, day);
      const few = some.length <= FEW && some.length < ofDay(all, day).length;
      const whole = few ? undefined : await read(`events/${day}`).catch(skipLarge);
      const each = (one: Dated): Promise<ArchiveFile[] | undefined> =>
        read(`events/${day}/${one.change}`).catch(skipLarge);
      files.push(...(whole ?? (await eachOf(some, each))));
    }
    return files;
  };

  const refuse = async (error: unknown): Promise<never> => {
    throw unwritable(docker.host, error);
  };
  return {
    volume: name,
    append: (change, entries) => append(change, entries).catch(refuse),
    takeIn: (change, entries) => takeIn(change, entries).catch(refuse),
    index,
    events: async (changes) => {
      // Whoever asks for events has just asked for the index.
      const all = changes.every((change) => listed.some((one) => one.change === change)) ? listed : await index();
      const wanted = all.filter(({ change }) => changes.includes(change));
      const files = (await readMost(all, wanted)) ?? (await readDays(all, wanted));
      return files.flatMap(toEntry).filter(({ change }) => wanted.some((one) => one.change === change));
    },
  };
}

async function eachOf<T>(
  items: readonly T[],
  work: (item: T) => Promise<ArchiveFile[] | undefined>,
): Promise<ArchiveFile[]> {
  const all: ArchiveFile[] = [];
  for (const item of items) all.push(...((await work(item)) ?? []));
  return all;
}

/** Somebody put something large there: it is left out, which is no reason to show nothing. */
function skipLarge(error: unknown): undefined {
  if (error instanceof OpsError && error.code === 'BAD_ANSWER') return undefined;
  throw error;
}

function toEntry(file: ArchiveFile): Entry[] {
  const [, change, name] = /(?:^|\/)([^/]+)\/([^/]+)\.json$/.exec(file.name) ?? [];
  const event = parseEvent(file.data.toString('utf8'));
  return change === undefined || name === undefined || event === undefined ? [] : [{ change, name, event }];
}

function parseIndex(data: Buffer): z.infer<typeof indexSchema> {
  try {
    return indexSchema.parse(JSON.parse(data.toString('utf8')));
  } catch {
    return {};
  }
}

/** Not to be reached stays what it is, for the journal falls back then; all else means that it cannot be written. */
function unwritable(host: string, error: unknown): unknown {
  if (
    !(error instanceof OpsError) ||
    ['UNREACHABLE', 'TIMED_OUT', 'JOURNAL_UNWRITABLE', 'BUG', 'CONFIG_INVALID'].includes(error.code)
  )
    return error;
  return new OpsError(
    'JOURNAL_UNWRITABLE',
    `the journal on the docker engine at ${host} cannot be written: ${error.message}`,
    {
      hint: `Look whether its disk is full: docker --host ${host} system df.`,
      cause: error,
    },
  );
}

async function mountpoint(docker: DockerClient, volume: string): Promise<string | undefined> {
  return (await docker.json({ path: `/volumes/${volume}`, asked: 'look for the journal' }, volumeSchema)).Mountpoint;
}

/** The names in these paths are random, so that one that exists here is the very file of the engine. */
async function syncFile(path: string): Promise<boolean> {
  try {
    await using file = await open(path, 'r');
    await file.sync();
    return true;
  } catch {
    return false;
  }
}
