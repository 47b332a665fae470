/** The journal of changes. */
import type { ChangeEvent, ChangeRecord } from '../change.ts';
import type { OpsError } from '../errors.ts';

/** What was left in the middle, newest first; `away`: why that of other machines is not seen. */
export interface Unfinished {
  changes: ChangeRecord[];
  away?: OpsError;
}

export interface JournalReader {
  /** Newest first. */
  changes(limit: number): Promise<ChangeRecord[]>;
  /** Those that still need somebody to finish them or take them back, running ones too. */
  unfinished(): Promise<Unfinished>;
  change(id: string): Promise<ChangeRecord | undefined>;
  /** Where it is kept, for people; `shared` is false when only this machine sees it. */
  location(): Promise<{ where: string; shared: boolean }>;
}

/** The write-ahead journal as the executor uses it. */
export interface Journal extends JournalReader {
  /** Events of one change, in their order; durable when it returns. @throws JOURNAL_UNWRITABLE */
  append(change: string, ...events: readonly ChangeEvent[]): Promise<void>;
}
