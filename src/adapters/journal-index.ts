/**
 * The index of the journal: which changes there are, on which page each is kept, what it follows and whether it has
 * ended. It saves reading events; where it says nothing they are read, so that what is missing here costs time only.
 */
import * as z from 'zod';

import type { Entry } from './journal-entries.ts';

/** Changes kept at least; older ones are dropped when another has been made. */
export const KEPT_CHANGES = 500;
/** Changes of a page: what whoever wants the newest has to read. */
const PAGE_CHANGES = 50;

/** The outcomes after which a change needs nobody any more. */
const ENDED = ['done', 'rolled-back'] as const;

const factsSchema = z
  .object({
    /** What is said here is from its beginning: without that it may follow another that nobody knows of. */
    begun: z.literal(true),
    recovers: z.string(),
    settles: z.string(),
    ended: z.enum(ENDED),
  })
  .partial();
type Facts = z.infer<typeof factsSchema>;

/** One change as the index knows it. */
export type IndexEntry = Facts & { change: string };
/** The same, and where it is kept. */
export type Paged = IndexEntry & { page: string };

/** What the events of one change, or some of them, say for the index. */
export function indexedOf(entries: readonly Entry[]): Facts {
  const facts: Facts = {};
  for (const { event } of entries) {
    if (event.type === 'begin') {
      const { recovers, settles } = event;
      Object.assign(
        facts,
        { begun: true },
        recovers !== undefined && { recovers },
        settles !== undefined && { settles },
      );
    }
    const ended = event.type === 'end' ? ENDED.find((outcome) => outcome === event.outcome) : undefined;
    if (ended !== undefined) facts.ended = ended;
  }
  return facts;
}

/** An entry with what more is known of it. That one ended is only said of one whose beginning is known: whoever reads no events relies on both. */
export function learned(entry: Paged, more: Facts): Paged {
  const { ended, ...rest } = { ...entry, ...more };
  return rest.begun === true && ended !== undefined ? { ...rest, ended } : rest;
}

/** What a file of the index says; nothing where somebody else wrote it. */
export function parseFacts(data: Buffer): Facts {
  try {
    const facts = factsSchema.parse(JSON.parse(data.toString('utf8')));
    return facts.begun === true ? facts : {};
  } catch {
    return {};
  }
}

/** All but those of which the index says that they came to an end, by themselves or by another change. */
export function mayBeUnfinished<T extends IndexEntry>(all: readonly T[]): T[] {
  const ended = new Set(
    all.flatMap((one) => {
      // One that was only to settle another and took itself back has left it as it was.
      const settled = one.ended === 'done' ? one.settles : undefined;
      return one.ended === undefined ? [] : [one.recovers, settled];
    }),
  );
  // A recovery that failed leaves what it recovers unfinished, and is no unfinished change itself.
  return all.filter((one) => one.ended === undefined && one.recovers === undefined && !ended.has(one.change));
}

/** The changes, what they follow, what that follows, and all that follows any of them: how a change stands is told by all of them. */
export function withFollowers(all: readonly IndexEntry[], wanted: readonly string[]): string[] {
  const entries = new Map(all.map((entry) => [entry.change, entry]));
  const followers = Map.groupBy(
    all.flatMap((entry) => followed(entry).map((original) => ({ original, change: entry.change }))),
    ({ original }) => original,
  );
  const needed = new Set(wanted);
  // A set is walked to what was added meanwhile.
  for (const id of needed) {
    const entry = entries.get(id);
    for (const original of entry === undefined ? [] : followed(entry)) needed.add(original);
    for (const { change } of followers.get(id) ?? []) needed.add(change);
  }
  return [...needed];
}

const followed = ({ recovers, settles }: IndexEntry): string[] =>
  [recovers, settles].filter((original) => original !== undefined);

/**
 * The page for a change that begins: the newest one, or another where that is full or dropped. They are numbered and have
 * no day, so that who makes a change a day has no page a change, and no clock that is wrong brings one to the old ones.
 * @param pages names of all pages, dropped ones too: a file is in the way where one was dropped
 */
export function pageFor(pages: Iterable<string>, all: readonly Paged[]): string {
  const last = Math.max(0, ...[...pages].map((page) => Number(/^p(\d+)$/.exec(page)?.[1] ?? 0)));
  const there = all.filter(({ page }) => page === pageName(last)).length;
  return pageName(there > 0 && there < PAGE_CHANGES ? last : last + 1);
}

const pageName = (number: number): string => `p${String(number).padStart(6, '0')}`;

/**
 * Pages that may go, the oldest first, so that enough changes are left. One with a change that may be unfinished stays,
 * and one whose changes brought others to their end that stay: without them those would be unfinished again.
 */
export function droppable(all: readonly Paged[]): string[] {
  const open = new Set(mayBeUnfinished(all.filter(({ begun }) => begun === true)).map(({ change }) => change));
  const pageOf = new Map(all.map(({ change, page }) => [change, page]));
  const gone: string[] = [];
  let left = all.length;
  for (const [page, entries] of [...Map.groupBy(all, (one) => one.page)].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (left - entries.length < KEPT_CHANGES) break;
    const stays = (change: string): boolean => ![undefined, page, ...gone].includes(pageOf.get(change));
    if (entries.some((one) => open.has(one.change) || followed(one).some(stays))) continue;
    gone.push(page);
    left -= entries.length;
  }
  return gone;
}
