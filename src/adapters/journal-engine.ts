/**
 * The journal on the engine: files in a volume of opsctl's own, reached through the archive API of a container
 * that is never started.
 *
 *     events/<page>/<change>/<name>.json    an event a file, never overwritten
 *     index/<page>/<change>.json            written with the first event and with the end (journal-index.ts)
 *
 * The API lists only by sending whole directories, hence the index and the pages. It cannot delete, but a file put where
 * a directory is replaces the directory: so pages are dropped, and one empty file a page is left of them.
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
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';

import { OpsError } from '../core/errors.ts';
import { getArchive, putArchive, statPath, type ArchiveFile, type NewFile } from './docker/archive.ts';
import { createBare, engineName } from './docker/bare.ts';
import type { DockerClient } from './docker/client.ts';
import { checkedId, EVENT_LIMIT, parseEvent, type Entry } from './journal-entries.ts';
import { droppable, indexedOf, learned, pageFor, parseFacts, type IndexEntry, type Paged } from './journal-index.ts';

/** Where the volume appears in the container. */
const ROOT = '/journal';
const READ_LIMITS = { total: 64 * 1024 * 1024, file: EVENT_LIMIT, timeoutMs: 10_000 };
/** For a container that another machine is just making. */
const ATTEMPTS = 20;
const ATTEMPT_MS = 100;
/** Up to so many wanted changes of a page, each is read by itself: measured, a read takes 15-30 ms however small. */
const FEW = 3;

const volumeSchema = z.object({ Mountpoint: z.string() });

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
  let proved = false;
  /** What the index said last, and what was written since. */
  let known = new Map<string, Paged>();
  /** All pages, the dropped ones too: where a directory was dropped, a file is in the way of another. */
  let pages = new Set<string>();
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

  const index = async (): Promise<Paged[]> => {
    const found: Paged[] = [];
    const named = new Set<string>();
    for (const file of await read('index')) {
      const [, page, change] = /^index\/([^/]+)(?:\/(?:([^/]+)\.json)?)?$/.exec(file.name) ?? [];
      if (page === undefined) continue;
      named.add(page);
      if (file.type === 'file' && change !== undefined) found.push({ change, page, ...parseFacts(file.data) });
    }
    found.sort((a, b) => (a.change < b.change ? 1 : -1));
    pages = named;
    known = new Map(found.map((one) => [one.change, one]));
    return found;
  };

  /** The index first: what it names can be read, whenever this ends. */
  const dropOld = async (): Promise<void> => {
    for (const page of droppable([...known.values()])) {
      await put([`index/${page}`, `events/${page}`].map((path) => ({ name: path, data: '' })));
      for (const { change } of [...known.values()].filter((one) => one.page === page)) known.delete(change);
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

  /** Writes events of one change. Their names are unique: what is there already stays as it is. */
  const write = async (entries: readonly Entry[], to: Paged): Promise<void> => {
    const files = entries.map(({ name: entryName, event }) => {
      const data = JSON.stringify(event);
      if (Buffer.byteLength(data) > EVENT_LIMIT)
        throw new OpsError('JOURNAL_UNWRITABLE', `an event of change ${to.change} is too large for the journal`);
      return { name: `events/${to.page}/${to.change}/${entryName}.json`, data };
    });
    pages.add(to.page);
    const last = files.at(-1);
    if (last === undefined) return;
    const now = learned(to, indexedOf(entries));
    const { change, page, ...told } = now;
    const indexed = isDeepStrictEqual(known.get(change), now)
      ? []
      : [{ name: `index/${page}/${change}.json`, data: JSON.stringify(told) }];
    // The events first: what the index says is so.
    await put([...files, ...indexed]);
    // Once a run it is looked at: an engine may answer 200 and have written nothing (a body of a type that it did not expect).
    if (!proved && (await statPath(docker, name, `${ROOT}/${last.name}`))?.size !== Buffer.byteLength(last.data)) {
      throw new OpsError(
        'JOURNAL_UNWRITABLE',
        `the docker engine at ${docker.host} took an event for the journal and did not keep it`,
      );
    }
    proved = true;
    known.set(change, now);
    await sync([...files, ...indexed].map((file) => file.name));
  };

  const append = async (change: string, entries: readonly Entry[]): Promise<void> => {
    const [first] = entries;
    if (first === undefined) return;
    // One that begins is in no index, and who begins has just looked whether another is unfinished.
    const begins = first.event.type === 'begin' && pages.size > 0;
    if (!known.has(checkedId(change)) && !begins) await index();
    await write(entries, known.get(change) ?? { change, page: pageFor(pages, [...known.values()]) });
    // At the end, when nobody waits for it any more; that it fails is no reason to fail the change.
    if (entries.some(({ event }) => event.type === 'end')) await dropOld().catch(() => undefined);
  };

  const takeIn = async (change: string, entries: readonly Entry[]): Promise<void> => {
    // Another program may have brought part of it already, so that even a beginning is looked for.
    if (!known.has(checkedId(change))) await index();
    await append(change, entries);
  };

  /** All of it at once, when that is about what is wanted; undefined when it is not, or too much. */
  const readMost = async (all: readonly Paged[], wanted: readonly Paged[]): Promise<ArchiveFile[] | undefined> =>
    wanted.length > all.length / 2 ? read('events').catch(skipLarge) : undefined;
  const readPages = async (all: readonly Paged[], wanted: readonly Paged[]): Promise<ArchiveFile[]> => {
    const of = (list: readonly Paged[], page: string): Paged[] => list.filter((one) => one.page === page);
    const files: ArchiveFile[] = [];
    for (const page of new Set(wanted.map((one) => one.page))) {
      const some = of(wanted, page);
      const few = some.length <= FEW && some.length < of(all, page).length;
      const whole = few ? undefined : await read(`events/${page}`).catch(skipLarge);
      const each = (one: Paged): Promise<ArchiveFile[] | undefined> =>
        // Refused where the page was dropped meanwhile: then there is a file, which has no events.
        read(`events/${page}/${one.change}`)
          .catch((error: unknown) => (isRefused(error) ? read(`events/${page}`) : Promise.reject(error)))
          .catch(skipLarge);
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
      const all = changes.every((change) => known.has(change)) ? [...known.values()] : await index();
      const wanted = all.filter(({ change }) => changes.includes(change));
      const files = (await readMost(all, wanted)) ?? (await readPages(all, wanted));
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

const isRefused = (error: unknown): boolean => error instanceof OpsError && error.code === 'REJECTED';

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
