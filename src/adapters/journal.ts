/**
 * The journal: on the engine, so that every machine sees the same; in local files while the engine cannot be reached.
 * What went to local files is sent on when the engine is reached again, or other machines would take a finished
 * change for one left in the middle.
 */
import { join } from 'node:path';

import { connected, isUnfinished, journalled, recordOf, type ChangeEvent, type ChangeRecord } from '../core/change.ts';
import type { OpsError } from '../core/errors.ts';
import { isAway } from '../core/holding.ts';
import type { Journal } from '../core/ports/journal.ts';
import { engineName } from './docker/bare.ts';
import type { DockerClient } from './docker/client.ts';
import { openEngineJournal } from './journal-engine.ts';
import { entryNames, type Entry } from './journal-entries.ts';
import { indexedOf, type IndexEntry, mayBeUnfinished, withFollowers } from './journal-index.ts';
import { openLocalJournal } from './journal-local.ts';

export interface JournalOptions {
  docker: DockerClient;
  /** Project and environment. */
  scope: string;
  /** Where local files go. */
  stateDirectory: string;
}

/** What is known of all changes; `away`: why those of other machines are not seen. */
interface Index {
  all: readonly IndexEntry[];
  away: OpsError | undefined;
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

  /** What the engine says, or why it does not. */
  const reach = async <T>(
    work: () => Promise<T>,
  ): Promise<{ said: T; away?: never } | { said?: never; away: OpsError }> => {
    try {
      return { said: await work() };
    } catch (error) {
      if (isAway(error)) return { away: error };
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

  /** All changes, the newest first; only those of this machine where the engine is away. */
  const index = async (): Promise<Index> => {
    if ((await local.changes()).length > 0) await sendOn();
    // In this order: another program may be sending on, and then a change is here or there, never nowhere.
    const here = await local.changes();
    const events = Map.groupBy(await local.events(here), ({ change }) => change);
    const { said = [], away } = await reach(() => shared.index());
    const known = new Map<string, IndexEntry>(said.map((entry) => [entry.change, entry]));
    for (const change of here)
      known.set(change, { ...known.get(change), change, ...indexedOf(events.get(change) ?? []) });
    return { all: [...known.values()].sort((a, b) => (a.change < b.change ? 1 : -1)), away };
  };

  /** @throws UNREACHABLE, TIMED_OUT when the engine goes away meanwhile: to tell of some and leave out others would be a lie */
  const records = async ({ all, away }: Index, wanted: readonly string[]): Promise<ChangeRecord[]> => {
    const needed = withFollowers(all, wanted);
    // In this order, as above.
    const here = await local.events(needed);
    const there = away === undefined ? await shared.events(needed) : [];
    const found = needed.map((id) => recordOf(id, inOrder([...there, ...here].filter(({ change }) => change === id))));
    const known = new Map(
      connected(found.filter((record) => record !== undefined)).map((record) => [record.id, record]),
    );
    return wanted.flatMap((id) => known.get(id) ?? []);
  };

  return {
    append: async (change, ...events) => {
      const entries = events.map((event): Entry => ({ change, name: nextName(), event: journalled(event) }));
      const waits = (await local.changes()).includes(change);
      // What it may follow goes first.
      if (events[0]?.type === 'begin' && !waits) await sendOn();
      if (!waits && (await reach(() => shared.append(change, entries))).away === undefined) {
        await sendOn();
        return;
      }
      // Behind what waits of it already, so that nobody sees its end who does not see its beginning.
      await local.append(change, entries);
      if (waits) await reach(() => local.sendOn(change, (all) => shared.takeIn(change, all)));
    },
    changes: async (limit) => {
      const found = await index();
      return records(
        found,
        found.all.slice(0, limit).map(({ change }) => change),
      );
    },
    unfinished: async () => {
      const found = await index();
      const wanted = mayBeUnfinished(found.all).map(({ change }) => change);
      const changes = (await records(found, wanted)).filter(isUnfinished);
      return found.away === undefined ? { changes } : { changes, away: found.away };
    },
    change: async (id) => {
      const found = await index();
      return found.all.some(({ change }) => change === id) ? (await records(found, [id]))[0] : undefined;
    },
    location: async () => {
      const onlyHere = { where: local.directory, shared: false };
      const { away } = await reach(() => docker.request({ path: '/_ping', asked: 'say whether it is there' }));
      if (away !== undefined) return onlyHere;
      await sendOn();
      if ((await local.changes()).length > 0) return { ...onlyHere, where: `${local.directory} in part` };
      return { where: `volume ${shared.volume} on the docker engine at ${docker.host}`, shared: true };
    },
  };
}

/** In the order of writing, each once: an event whose answer was lost may stand in both places. */
function inOrder(entries: readonly Entry[]): ChangeEvent[] {
  const byName = new Map(entries.map((entry) => [entry.name, entry.event]));
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, event]) => event);
}
