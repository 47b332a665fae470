/** Changes that are not at their end, as journal and lock tell them. */
import { type ChangeRecord, isUnfinished } from '../core/change.ts';
import type { Readers } from '../core/ports.ts';
import type { LockHolder } from '../core/ports/lock.ts';

export interface Changes {
  /** Who holds the lock for a change that runs now: what is seen of the platform may be in the middle of it. */
  running: LockHolder | undefined;
  /** Those that were left in the middle, and that the running one does not bring to an end, newest first. */
  unfinished: ChangeRecord[];
}

/** What runs, and what waits for somebody to finish it or take it back. */
export async function changesIn({ journal, lock }: Pick<Readers, 'journal' | 'lock'>): Promise<Changes> {
  const [{ changes }, holder] = await Promise.all([journal.unfinished(), lock.holder()]);
  const change = holder === undefined ? undefined : await journal.change(holder.change);
  // It may have come to its end since.
  const unended = changes.filter(({ id }) => change === undefined || id !== change.id || isUnfinished(change));
  // Whoever holds the lock for a change that has ended is about to let it go: so it is when a deploy tells what came of it.
  const isOver = holder === undefined || holder.stale || change?.end !== undefined;
  if (isOver) return { running: undefined, unfinished: unended };
  const inHand = [holder.change, change?.begin.recovers, change?.begin.settles];
  return { running: holder, unfinished: unended.filter(({ id }) => !inHand.includes(id)) };
}
