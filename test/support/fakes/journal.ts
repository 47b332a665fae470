/** A journal in memory for tests of the pipeline and of commands. */
import { connected, isUnfinished, recordOf, type ChangeEvent, type ChangeRecord } from '../../../src/core/change.ts';
import { OpsError } from '../../../src/core/errors.ts';
import type { Journal } from '../../../src/core/ports/journal.ts';

export interface FakeJournal extends Journal {
  /** All events by change, as they were written. */
  readonly events: Map<string, ChangeEvent[]>;
  /** Set to make every append fail, as a full disk does. */
  unwritable: boolean;
}

export function fakeJournal(): FakeJournal {
  const events = new Map<string, ChangeEvent[]>();
  const records = (): ChangeRecord[] => {
    const all = [...events].sort(([a], [b]) => (a < b ? 1 : -1)).flatMap(([id, list]) => recordOf(id, list) ?? []);
    return connected(all);
  };
  const journal: FakeJournal = {
    events,
    unwritable: false,
    append: async (change, ...added) => {
      if (journal.unwritable) throw new OpsError('JOURNAL_UNWRITABLE', 'the journal cannot be written');
      // As data, the way it would come back from a file.
      events.set(change, [...(events.get(change) ?? []), ...(JSON.parse(JSON.stringify(added)) as ChangeEvent[])]);
    },
    changes: async (limit) => records().slice(0, limit),
    unfinished: async () => ({ changes: records().filter(isUnfinished) }),
    change: async (id) => records().find((record) => record.id === id),
    location: async () => ({ where: 'memory', shared: true }),
  };
  return journal;
}
