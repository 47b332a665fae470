/** What the journal reads, and in which order it writes: costs that do not grow, and no change that is lost from sight. */
import { describe, expect, it } from 'vitest';

import { openDocker, type DockerClient } from '../../src/adapters/docker/client.ts';
import { KEPT_CHANGES } from '../../src/adapters/journal-index.ts';
import { OpsError } from '../../src/core/errors.ts';
import type { Journal } from '../../src/core/ports/journal.ts';
import { begin, end, idOf, stepBegin, stepDone } from '../support/change-events.ts';
import { openJournals } from '../support/journals.ts';
import { testDocker } from '../support/test-containers.ts';

const { scopeOf, on, folder, fill } = openJournals();

/** An engine that tells which directories of a journal are read, and does not answer for some. */
function watched(isAway: (path: string) => boolean = () => false): { engine: DockerClient; reads: () => string[] } {
  const real = testDocker();
  const asked: string[] = [];
  const request: DockerClient['request'] = async (call) => {
    const path = call.query?.['path'];
    if (call.method === undefined && typeof path === 'string') {
      const name = path.replace('/journal/', '');
      asked.push(name);
      if (isAway(name)) throw new OpsError('TIMED_OUT', 'no answer', { details: { engine: true } });
    }
    return await real.request(call);
  };
  return { engine: { ...real, request }, reads: () => asked.splice(0) };
}
const unfinished = async (journal: Journal): Promise<string[]> =>
  (await journal.unfinished()).changes.map(({ id }) => id);

describe('what is read', () => {
  it('is no event, to say that all changes came to an end, and one page, for the newest', async () => {
    const scope = scopeOf();
    await fill(scope, 49, 3, () => 'p000007', { begun: true, ended: 'done' });
    const writer = on(scope, 'a');
    for (const n of [50, 51, 52, 53, 54]) await writer.append(idOf(n), begin(n), end(n));
    const { engine, reads } = watched();
    const journal = on(scope, 'b', engine);
    expect(await journal.unfinished()).toEqual({ changes: [] });
    expect(reads()).toEqual(['index']);
    expect((await journal.changes(4)).map(({ id }) => id)).toEqual([54, 53, 52, 51].map(idOf));
    expect(reads()).toEqual(['index', 'events/p000008']);
    expect((await journal.changes(1000)).length).toBe(54);
    await writer.append(idOf(55), begin(55));
    reads();
    expect(await unfinished(journal)).toEqual([idOf(55)]);
    expect(reads()).toEqual(['index', `events/p000008/${idOf(55)}`]);
  });

  it('is no event of changes that others brought to their end, however many tried', async () => {
    const scope = scopeOf();
    const journal = on(scope, 'a');
    await journal.append(idOf(1), begin(1));
    await journal.append(idOf(2), begin(2, { recovers: idOf(1) }), end(3, 'partial'));
    await journal.append(idOf(3), begin(4, { recovers: idOf(1) }), end(5));
    const { engine, reads } = watched();
    expect(await unfinished(on(scope, 'b', engine))).toEqual([]);
    expect(reads()).toEqual(['index']);
  });

  it('is events where the index does not say that a change ended, as one of an older opsctl does not', async () => {
    const scope = scopeOf();
    await fill(scope, 6, 3, () => '2025-01-01');
    const journal = on(scope, 'a');
    expect(await unfinished(journal)).toEqual([]);
    await journal.append(idOf(7), begin(7));
    expect(await unfinished(journal)).toEqual([idOf(7)]);
  });

  it('must be all of it: an engine that goes away in the middle is no engine on which nothing is unfinished', async () => {
    const scope = scopeOf();
    await on(scope, 'a').append(idOf(1), begin(1));
    const { engine } = watched((path) => path.startsWith('events'));
    await expect(on(scope, 'b', engine).unfinished()).rejects.toMatchObject({ code: 'TIMED_OUT' });
    await expect(on(scope, 'b', engine).changes(1)).rejects.toMatchObject({ code: 'TIMED_OUT' });
    const gone = on(scope, 'b', watched((path) => path === 'index').engine);
    expect(await gone.unfinished()).toMatchObject({ changes: [], away: { code: 'TIMED_OUT' } });
  });
});

it('an unfinished change must not be dropped, however many come after it, nor what ended another that stays', async () => {
  const scope = scopeOf();
  const journal = on(scope, 'a');
  await journal.append(idOf(1), begin(1), end(1, 'paused'));
  await journal.append(idOf(2), begin(2));
  await fill(scope, KEPT_CHANGES + 200, 1, (n) => `p${String(100 + Math.ceil(n / 50)).padStart(6, '0')}`, {
    begun: true,
    ended: 'done',
  });
  await on(scope, 'b').append(idOf(9000), begin(1, { recovers: idOf(2) }), end(2));
  expect(await unfinished(on(scope, 'b'))).toEqual([idOf(1)]);
  const left = await journal.changes(10_000);
  expect(left.map(({ id }) => id)).toEqual(expect.arrayContaining([idOf(1), idOf(2), idOf(9000)]));
  expect(left.length).toBeLessThan(KEPT_CHANGES + 60);
});

describe('what was written while the engine was away', () => {
  const away = (): DockerClient => openDocker({ host: `unix://${folder()}/none.sock`, env: {}, home: folder() });

  it('goes before what follows, so that nobody sees a step of a change that they cannot see begin', async () => {
    const scope = scopeOf();
    await on(scope, 'a', away()).append(idOf(1), begin(1));
    await on(scope, 'a').append(idOf(1), stepBegin(2));
    expect(await unfinished(on(scope, 'b'))).toEqual([idOf(1)]);
  });

  it('goes before the change that recovers it', async () => {
    const scope = scopeOf();
    await on(scope, 'a', away()).append(idOf(1), begin(1));
    await on(scope, 'a').append(idOf(2), begin(2, { recovers: idOf(1) }));
    expect((await on(scope, 'b').changes(10)).map(({ id }) => id)).toEqual([idOf(2), idOf(1)]);
  });

  it('counts as long as it is here: what it brought to an end is not unfinished', async () => {
    const scope = scopeOf();
    await on(scope, 'a').append(idOf(1), begin(1));
    await on(scope, 'a', away()).append(idOf(2), begin(2, { recovers: idOf(1) }), stepDone(3), end(4));
    expect(await unfinished(on(scope, 'b'))).toEqual([idOf(1)]);
    const seen = await on(scope, 'a', away()).unfinished();
    expect([seen.changes, seen.away?.code]).toEqual([[], 'UNREACHABLE']);
    expect(await unfinished(on(scope, 'a'))).toEqual([]);
    expect(await unfinished(on(scope, 'b'))).toEqual([]);
  });
});
