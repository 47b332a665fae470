/** What both places of the journal agree on: entries, their names, and what is skipped. */
import { randomBytes } from 'node:crypto';

import { changeEventSchema, type ChangeEvent } from '../core/change.ts';
import { OpsError } from '../core/errors.ts';

/** One journalled event. Names sort in the order of writing, and the same event has the same name in both places. */
export interface Entry {
  change: string;
  name: string;
  event: ChangeEvent;
}

/** Bytes of one event. A plan of a thousand steps takes a third of one. */
export const EVENT_LIMIT = 1024 * 1024;

/** Makes names for the events of this program; they sort even when the clock is set back. */
export function entryNames(): () => string {
  let last = 0;
  let count = 0;
  return () => {
    last = Math.max(last, Date.now());
    count += 1;
    // The random part keeps two programs that write to one change from ever overwriting each other.
    return `${String(last).padStart(15, '0')}-${String(count).padStart(6, '0')}-${randomBytes(4).toString('hex')}`;
  };
}

/** Change ids become file names. @throws BUG for one that could leave its directory */
export function checkedId(change: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/.test(change))
    throw new OpsError('BUG', `the change id ${JSON.stringify(change)} cannot be journalled`);
  return change;
}

/** An event out of text that anything may have written; undefined for what is none. */
export function parseEvent(text: string): ChangeEvent | undefined {
  try {
    return changeEventSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
