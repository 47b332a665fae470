/**
 * The journal: on the engine, so that every machine sees the same; in local files while the engine cannot be reached.
 * What went to local files is sent on when the engine is reached again, or other machines would take a finished
 * change for one left in the middle.
 */
import { join } from 'node:path';

import { connected, isUnfinished, journalled, recordOf, type ChangeEvent, type ChangeRecord } from '../core/change.ts';
import { OpsError } from '../core/errors.ts';
import type { Journal } from '../core/ports/journal.ts';
import { engineName } from './docker/bare.ts';
import type { DockerClient } from './docker/client.ts';
import { openEngineJournal } from './journal-engine.ts';
import { entryNames, type Entry, type IndexEntry } from './journal-entries.ts';
import { openLocalJournal } from './journal-local.ts';

export interface JournalOptions {
  docker: DockerClient;
  /** Project and environment. */
  scope: string;
  /** Where local files go. */
  stateDirectory: string;
}

/** Changes that are sent on in one go, so that neither an append nor a look waits for long; the others follow next time. */
const SENT_AT_ONCE = 20;

/**
 * Opens the journal of an environment; asks nothing yet. What was written locally while the engine was away is
 * sent on with the next append or look that reaches the engine; until then it is shown on this machine only.
 */
export function openJournal({ docker, scope, stateDirectory }: JournalOptions): Journal {
  const shared = openEngineJournal(docker, scope);
  const local = openLocalJournal(join(stateDirectory, 'journal', engineName('opsctl', scope)));
  const nextName = entryNames();

  /** What the engine says, or undefined when it cannot be reached. */
  const reach = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (isAway(error)) return undefined;
      throw error;
    }
  };

  const refused = new Set<string>();
  /** Sends local events on, the oldest changes first. What the engine does not take stays here, and is not tried again by this program. */
  const sendOn = async (): Promise<void> => {
    const waiting = (await local.changes()).filter((change) => !refused.has(change)).reverse();
    for (const change of waiting.slice(0, SENT_AT_ONCE)) {
      try {
        await local.sendOn(change, (entries) => shared.takeIn(change, entries));
      } catch (error) {
        if (isAway(error)) return;
        refused.add(change);
      }
    }
  };

  /** All ids, the newest first, with what they recover. */
  const index = async (): Promise<IndexEntry[]> => {
    let there = await reach(() => shared.index());
    if (there !== undefined && (await local.changes()).length > 0) {
      await sendOn();
      there = await reach(() => shared.index());
    }
    const here = await local.changes();
    const known = new Map((there ?? []).map((entry) => [entry.change, entry]));
    for (const change of here) if (!known.has(change)) known.set(change, { change });
    return [...known.values()].sort((a, b) => (a.change < b.change ? 1 : -1));
  };

  const records = async (all: readonly IndexEntry[], wanted: readonly string[]): Promise<ChangeRecord[]> => {
    const needed = withRecoveries(all, wanted);
    // In this order: another program may be sending on, and then an event is here or there, never nowhere.
    const here = await local.events(needed);
    const there = await reach(() => shared.events(needed));
    const found = needed.map((id) =>
      recordOf(id, inOrder([...(there ?? []), ...here].filter(({ change }) => change === id))),
    );
    const known = new Map(
      connected(found.filter((record) => record !== undefined)).map((record) => [record.id, record]),
    );
    return wanted.flatMap((id) => known.get(id) ?? []);
  };

  return {
    append: async (change, ...events) => {
      const entries = events.map((event): Entry => ({ change, name: nextName(), event: journalled(event) }));
      const written = await reach(async () => {
        await shared.append(change, entries);
        return true;
      });
      if (written === undefined) await local.append(change, entries);
      else await sendOn();
    },
    changes: async (limit) => {
      const all = await index();
      return records(
        all,
        all.slice(0, limit).map(({ change }) => change),
      );
    },
    unfinished: async () => {
      const all = await index();
      return (await records(all, mayBeUnfinished(all))).filter(isUnfinished);
    },
    change: async (id) => {
      const all = await index();
      if (!all.some(({ change }) => change === id)) return undefined;
      return (await records(all, [id]))[0];
    },
    location: async () => {
      const onlyHere = { where: local.directory, shared: false };
      if ((await reach(() => docker.request({ path: '/_ping', asked: 'say whether it is there' }))) === undefined)
        return onlyHere;
      await sendOn();
      if ((await local.changes()).length > 0) return { ...onlyHere, where: `${local.directory} in part` };
      return { where: `volume ${shared.volume} on the docker engine at ${docker.host}`, shared: true };
    },
  };
}

/** The engine is not there, or its answer was lost on the way. */
const isAway = (error: unknown): boolean =>
  error instanceof OpsError && (error.code === 'UNREACHABLE' || error.code === 'TIMED_OUT');

/** All but those of which the index says that they came to an end, by themselves or by another change. */
function mayBeUnfinished(all: readonly IndexEntry[]): string[] {
  // One that was only to settle another and took itself back has not ended it: its events tell.
  const recovered = new Set(all.flatMap(({ recovers, ended }) => (ended === 'done' ? (recovers ?? []) : [])));
  return all.filter(({ change, ended }) => ended === undefined && !recovered.has(change)).map(({ change }) => change);
}

/**
 * The changes, what they recover, what that recovers, and all recoveries of any of them: how a change stands is told
 * by all of them.
 */
function withRecoveries(all: readonly IndexEntry[], wanted: readonly string[]): string[] {
  const recovers = new Map(all.map((entry) => [entry.change, entry.recovers]));
  const recoveries = Map.groupBy(all, (entry) => entry.recovers);
  const needed = new Set(wanted);
  // A set is walked to what was added meanwhile.
  for (const id of needed) {
    const original = recovers.get(id);
    if (original !== undefined) needed.add(original);
    for (const { change } of recoveries.get(id) ?? []) needed.add(change);
  }
  return [...needed];
}

/** In the order of writing, each once: an event whose answer was lost may stand in both places. */
function inOrder(entries: readonly Entry[]): ChangeEvent[] {
  const byName = new Map(entries.map((entry) => [entry.name, entry.event]));
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, event]) => event);
}
