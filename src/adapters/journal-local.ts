/**
 * The journal in local files, one a change, a line an event: where it goes while the engine cannot be reached. What
 * was sent on to the engine is removed here.
 *
 * A file may be appended to by the program that makes the change while another one sends it on. So it is sent, then
 * moved aside, then read again for what came in between; and who appends looks afterwards whether the file that it
 * wrote to still bears its name. Either sees the other, and a line that goes both ways has one name.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';

import { OpsError } from '../core/errors.ts';
import { checkedId, parseEvent, type Entry } from './journal-entries.ts';
import { KEPT_CHANGES } from './journal-index.ts';
import { readCapped } from './read-capped.ts';

const SUFFIX = '.jsonl';
/** A change's file, or one moved aside whose sender died before it removed it. */
const FILE = /^(.+)\.jsonl(?:\.[0-9a-f]{8})?$/;
/** A program that sends files on moves one aside at most once a file: more in a row means that something else is wrong. */
const ATTEMPTS = 10;
/** Bytes of a file that are read. */
const FILE_LIMIT = 16 * 1024 * 1024;

const lineSchema = z.object({ name: z.string(), event: z.unknown() });

export interface LocalJournal {
  readonly directory: string;
  /** Takes entries of one change. @throws JOURNAL_UNWRITABLE */
  append(change: string, entries: readonly Entry[]): Promise<void>;
  /** Ids of all changes, the newest first. */
  changes(): Promise<string[]>;
  events(changes: readonly string[]): Promise<Entry[]>;
  /** Hands what is kept of a change to `send`, and removes it once that returned. @throws what `send` throws */
  sendOn(change: string, send: (entries: readonly Entry[]) => Promise<void>): Promise<void>;
}

export function openLocalJournal(directory: string): LocalJournal {
  const files = async (): Promise<{ change: string; path: string }[]> =>
    (await readdir(directory).catch(() => [])).flatMap((name) => {
      const change = FILE.exec(name)?.[1];
      return change === undefined ? [] : [{ change, path: join(directory, name) }];
    });
  const changes = async (): Promise<string[]> =>
    [...new Set((await files()).map(({ change }) => change))].sort().reverse();
  const fileOf = (change: string): string => join(directory, `${change}${SUFFIX}`);
  const remove = async (change: string): Promise<void> => {
    for (const file of await files()) if (file.change === change) await rm(file.path, { force: true });
  };

  return {
    directory,
    append: async (change, entries) => {
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 });
        const lines = entries.map(({ name, event }) => `${JSON.stringify({ name, event })}\n`);
        await write(fileOf(checkedId(change)), lines.join(''));
        await syncDirectory(directory);
        if (!entries.some(({ event }) => event.type === 'begin')) return;
        for (const old of (await changes()).slice(KEPT_CHANGES)) await remove(old);
      } catch (error) {
        if (error instanceof OpsError) throw error;
        throw new OpsError('JOURNAL_UNWRITABLE', `the journal in ${directory} cannot be written`, {
          hint: `Look whether its disk is full or it belongs to another user: ls -ld ${directory}.`,
          details: { reason: (error as NodeJS.ErrnoException).code },
          cause: error,
        });
      }
    },
    changes,
    events: async (wanted) => {
      const some = (await files()).filter(({ change }) => wanted.includes(change));
      return (
        await Promise.all(some.map(async ({ change, path }) => (await readEntries(change, path)).entries))
      ).flat();
    },
    sendOn: async (change, send) => {
      for (const file of await files()) {
        if (file.change !== change) continue;
        const before = await readEntries(change, file.path);
        // What is too large to be read is not removed either.
        if (!before.whole) continue;
        await send(before.entries);
        const aside = `${fileOf(change)}.${randomBytes(4).toString('hex')}`;
        try {
          await rename(file.path, aside);
        } catch {
          continue; // another program sent it on
        }
        const after = await readEntries(change, aside);
        // By name: another sender may have moved the first file, and this one be its successor.
        const sent = new Set(before.entries.map(({ name }) => name));
        const more = after.entries.filter(({ name }) => !sent.has(name));
        if (more.length > 0) await send(more);
        if (after.whole) await rm(aside, { force: true });
      }
    },
  };
}

async function write(path: string, lines: string): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await using file = await open(path, 'a', 0o600);
    await file.write(lines);
    await file.datasync();
    const [written, named] = await Promise.all([file.stat(), stat(path).catch(() => undefined)]);
    if (written.ino === named?.ino) return;
  }
  throw new OpsError('JOURNAL_UNWRITABLE', `the journal file ${path} is taken away as soon as it is written`);
}

/** A new file's name is only durable when its directory is; some systems cannot sync one. */
async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  await directory.sync().catch(() => undefined);
}

/** `whole` is false when there is more than was read. */
async function readEntries(change: string, path: string): Promise<{ entries: Entry[]; whole: boolean }> {
  const read = await readCapped(path, FILE_LIMIT).catch(() => undefined);
  const lines = (read?.bytes.toString('utf8') ?? '').split('\n');
  return { entries: lines.flatMap((line) => entryOf(change, line)), whole: read?.whole ?? false };
}

function entryOf(change: string, line: string): Entry[] {
  try {
    const { name, event } = lineSchema.parse(JSON.parse(line));
    const parsed = parseEvent(JSON.stringify(event));
    return parsed === undefined ? [] : [{ change, name, event: parsed }];
  } catch {
    return []; // a line that a crash cut, or that somebody else wrote
  }
}
