import { describe, expect, test } from 'vitest';

import {
  droppable,
  type IndexEntry,
  learned,
  mayBeUnfinished,
  pageFor,
  type Paged,
} from '../../../src/adapters/journal-index.ts';

const entry = (change: string, more: Omit<IndexEntry, 'change'> = {}): IndexEntry => ({ change, begun: true, ...more });
const names = (all: readonly IndexEntry[]): string[] => all.map(({ change }) => change);

describe('what may be unfinished', () => {
  test.each<[string, IndexEntry[], string[]]>([
    ['what has no end', [entry('1')], ['1']],
    ['nothing that ended', [entry('1', { ended: 'done' }), entry('2', { ended: 'rolled-back' })], []],
    ['nothing that was recovered', [entry('1'), entry('2', { recovers: '1', ended: 'rolled-back' })], []],
    [
      'what a recovery did not bring to its end, and not the recovery',
      [entry('1'), entry('2', { recovers: '1' })],
      ['1'],
    ],
    ['nothing that was settled', [entry('1'), entry('2', { settles: '1', ended: 'done' })], []],
    [
      'what was to be settled by one that took itself back',
      [entry('1'), entry('2', { settles: '1', ended: 'rolled-back' })],
      ['1'],
    ],
    ['both while the one that settles is in the middle', [entry('1'), entry('2', { settles: '1' })], ['1', '2']],
    ['what the index knows nothing of', [{ change: '1' }], ['1']],
  ])('must be %s', (_which, all, open) => {
    expect(names(mayBeUnfinished(all))).toEqual(open);
  });
});

test('an end must be said only of a change whose beginning is known, whichever came first', () => {
  const unknown: Paged = { change: '1', page: 'p000001' };
  expect(learned(unknown, { ended: 'done' })).toEqual(unknown);
  expect(learned(unknown, { begun: true, recovers: '0', ended: 'done' })).toMatchObject({
    recovers: '0',
    ended: 'done',
  });
});

const onPage = (page: string, count: number, more: Omit<IndexEntry, 'change'> = { ended: 'done' }): Paged[] =>
  Array.from({ length: count }, (_, n) => ({ change: `${page}-${String(n)}`, page, begun: true, ...more }));

describe('the page for a new change', () => {
  test.each<[string, string[], Paged[], string]>([
    ['the first one in an empty journal', [], [], 'p000001'],
    ['the newest while it has room', ['p000001', 'p000002'], onPage('p000002', 49), 'p000002'],
    ['another when it is full', ['p000001', 'p000002'], onPage('p000002', 50), 'p000003'],
    ['another when it was dropped', ['p000002'], [], 'p000003'],
    [
      'the first one beside days of an older opsctl and strange files',
      ['2026-03-01', 'zebra'],
      onPage('2026-03-01', 1),
      'p000001',
    ],
  ])('must be %s', (_which, pages, all, page) => {
    expect(pageFor(pages, all)).toBe(page);
  });
});

describe('the pages that may go', () => {
  const kept = Array.from({ length: 10 }, (_, n) => onPage(`p0001${String(n).padStart(2, '0')}`, 50)).flat();

  test('must be the oldest, as long as 500 changes are left', () => {
    expect(droppable([...onPage('p000001', 50), ...onPage('2025-01-01', 9), ...kept])).toEqual([
      '2025-01-01',
      'p000001',
    ]);
    expect(droppable(kept)).toEqual([]);
    expect(droppable([...onPage('p000001', 50), ...kept.slice(1)])).toEqual([]);
  });

  test('must not hold what is unfinished, but may hold what an older opsctl wrote', () => {
    const old = onPage('2025-01-01', 9, {}).map(({ change, page }) => ({ change, page }));
    expect(droppable([...old, ...onPage('p000001', 1, {}), ...onPage('p000002', 50), ...kept])).toEqual([
      '2025-01-01',
      'p000002',
    ]);
  });

  test('must not hold what brought a change to its end that stays', () => {
    const first: Paged[] = [
      { change: 'open', page: 'p000001', begun: true },
      { change: 'recovered', page: 'p000001', begun: true },
    ];
    const recovery: Paged = { change: 'recovery', page: 'p000002', begun: true, recovers: 'recovered', ended: 'done' };
    expect(droppable([...first, recovery, ...onPage('p000003', 50), ...kept])).toEqual(['p000003']);
    expect(droppable([...first.slice(1), recovery, ...onPage('p000003', 50), ...kept])).toEqual([
      'p000001',
      'p000002',
      'p000003',
    ]);
  });
});
