import { expect, test } from 'vitest';

import type { ChangeEvent } from '../../../src/core/change.ts';
import type { LockHolder } from '../../../src/core/ports/lock.ts';
import { changesIn } from '../../../src/deploy/changes.ts';
import { fakeJournal } from '../../support/fakes/journal.ts';
import { fakeLock } from '../../support/fakes/lock.ts';
import { contextOf } from '../inspect/platform.ts';

const at = '2026-03-01T11:00:00.000Z';
const plan = { target: 't', summary: 's', touches: [], steps: [] };
const end: ChangeEvent = { type: 'end', at, outcome: 'paused', left: [] };

type Told = { recovers?: string; settles?: string; paused?: true };

/** Changes by id, and the one for which the lock is held. */
async function seen(changes: Record<string, Told>, change?: string, more: Partial<LockHolder> = {}) {
  const journal = fakeJournal();
  for (const [id, { paused, ...told }] of Object.entries(changes)) {
    const begin = { type: 'begin' as const, at, command: 'c', input: {}, actor: 'a', host: 'h', plan, ...told };
    await journal.append(id, begin, ...(paused === true ? [end] : []));
  }
  const lock = fakeLock();
  const held = { id: 'x', owner: 'bob', host: 'h', pid: 1, command: 'c', since: at, heartbeatAt: at, ttlMs: 30_000 };
  const holder = change === undefined ? undefined : { ...held, change, stale: false, ...more };
  const { running, unfinished } = await changesIn(
    contextOf({ journal, lock: { ...lock, holder: async () => holder } }).readers,
  );
  return [running?.change, unfinished.map(({ id }) => id)];
}

test('what was left in the middle must be told, the newest first, and one that runs is not', async () => {
  expect(await seen({ 1: {}, 2: {} })).toEqual([undefined, ['2', '1']]);
  expect(await seen({ 1: {}, 2: {} }, '2')).toEqual(['2', ['1']]);
});

test('a change that the running one recovers or settles must not be told to be left, however far back', async () => {
  expect(await seen({ 1: {}, 2: { recovers: '1' } }, '2')).toEqual(['2', []]);
  expect(await seen({ 1: { paused: true }, 2: { settles: '1' } }, '2')).toEqual(['2', []]);
  const held: Record<string, Told> = { 1: { paused: true }, 2: { settles: '1', paused: true } };
  expect(await seen({ ...held, 3: { recovers: '2' } }, '3')).toEqual(['3', []]);
  expect(await seen({ 0: {}, ...held, 3: { settles: '2' } }, '3')).toEqual(['3', ['0']]);
});

test('a change must not be told to run when its holder is dead, or it has ended', async () => {
  expect(await seen({ 1: {}, 2: { recovers: '1' } }, '2', { stale: true })).toEqual([undefined, ['1']]);
  expect(await seen({ 1: { paused: true } }, '1')).toEqual([undefined, ['1']]);
});

test('a change that ends between the look at the journal and that at the lock must not be told to be left', async () => {
  const journal = fakeJournal();
  await journal.append('1', { type: 'begin', at, command: 'c', input: {}, actor: 'a', host: 'h', plan });
  const lock = fakeLock();
  const holder = async (): Promise<undefined> => {
    await journal.append('1', { ...end, outcome: 'done' });
    return undefined;
  };
  const { unfinished } = await changesIn(contextOf({ journal, lock: { ...lock, holder } }).readers);
  expect(unfinished).toEqual([]);
});
