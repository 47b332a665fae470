/** The journal: two machines are two openings with different state directories on one engine. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { putArchive } from '../../src/adapters/docker/archive.ts';
import { engineName } from '../../src/adapters/docker/bare.ts';
import { openDocker } from '../../src/adapters/docker/client.ts';
import { KEPT_CHANGES } from '../../src/adapters/journal-index.ts';
import { openJournal } from '../../src/adapters/journal.ts';
import type { Journal } from '../../src/core/ports/journal.ts';
import { at, begin, end, idOf, stepBegin, stepDone } from '../support/change-events.ts';
import { fakeJournal } from '../support/fakes/journal.ts';
import { openJournals } from '../support/journals.ts';

const journals = openJournals();
const { docker, scopeOf, on, volumeOf, fill } = journals;

const implementations: Record<string, () => (machine: string) => Journal> = {
  'the real engine': () => {
    const scope = scopeOf();
    return (machine) => on(scope, machine);
  },
  'the fake': () => {
    const journal = fakeJournal();
    return () => journal;
  },
};

describe.each(Object.keys(implementations))('journal port: %s', (name) => {
  const open = implementations[name] as () => (machine: string) => Journal;

  it('is empty at first, and reading it makes nothing', async () => {
    const journal = open()('a');
    expect(await journal.changes(10)).toEqual([]);
    expect(await journal.change('nothing')).toBeUndefined();
    expect((await journal.location()).shared).toBe(true);
  });

  it('shows on one machine what was done on another, step by step', async () => {
    const machine = open();
    const [a, b] = [machine('a'), machine('b')];
    await a.append(idOf(1), begin(1));
    await a.append(idOf(1), stepBegin(2));
    expect((await b.change(idOf(1)))?.steps[0]?.state).toBe('running');
    await a.append(idOf(1), stepDone(3), end(4));
    const seen = await b.change(idOf(1));
    expect(seen).toMatchObject({ id: idOf(1), begin: begin(1), end: end(4), steps: [{ state: 'done' }] });
  });

  it('gives the newest changes first, as many as asked for', async () => {
    const machine = open();
    const [a, b] = [machine('a'), machine('b')];
    for (const number of [1, 2, 3, 4]) {
      await (number % 2 ? a : b).append(idOf(number), begin(number, { command: `c${number}` }));
      await (number % 2 ? a : b).append(idOf(number), end(number));
    }
    expect((await a.changes(3)).map((one) => one.begin.command)).toEqual(['c4', 'c3', 'c2']);
    expect((await b.changes(100)).length).toBe(4);
  });

  it('tells which later change recovered one, also when that is not asked for', async () => {
    const machine = open();
    await machine('a').append(idOf(1), begin(1));
    await machine('b').append(idOf(2), begin(2, { recovers: idOf(1) }));
    await machine('b').append(idOf(2), end(3));
    expect((await machine('a').change(idOf(1)))?.recoveredBy).toBe(idOf(2));
    expect((await machine('a').changes(2)).map((one) => one.recoveredBy)).toEqual([undefined, idOf(2)]);
  });

  it('tells which changes still need somebody, whatever came after them', async () => {
    const machine = open();
    const [a, b] = [machine('a'), machine('b')];
    const outcomes = { 1: undefined, 2: 'done', 3: 'rolled-back', 4: 'partial', 5: 'paused', 6: undefined } as const;
    for (const [number, outcome] of Object.entries(outcomes)) {
      await a.append(idOf(Number(number)), begin(1));
      if (outcome !== undefined) await a.append(idOf(Number(number)), end(2, outcome));
    }
    await b.append(idOf(7), begin(3, { recovers: idOf(6) }), end(4));
    // One that failed, and took back only itself: what it recovers is left as it was.
    await b.append(idOf(8), begin(3, { recovers: idOf(4) }), end(4, 'partial'));
    const unfinished = async (): Promise<string[]> => (await b.unfinished()).changes.map(({ id }) => id);
    expect(await unfinished()).toEqual([5, 4, 1].map(idOf));
    // It was to settle the paused one in its own way, and was paused itself; then it was taken back.
    await a.append(idOf(9), begin(5, { settles: idOf(5) }), end(6, 'paused'));
    expect(await unfinished()).toEqual([9, 4, 1].map(idOf));
    await a.append(idOf(10), begin(7, { recovers: idOf(9) }), end(8, 'rolled-back'));
    expect(await unfinished()).toEqual([5, 4, 1].map(idOf));
    await a.append(idOf(11), begin(9, { settles: idOf(5) }), end(10, 'rolled-back'));
    expect(await unfinished()).toEqual([5, 4, 1].map(idOf));
    await a.append(idOf(12), begin(11, { settles: idOf(5) }), end(12, 'paused'));
    await b.append(idOf(13), begin(13, { recovers: idOf(12) }), end(14));
    expect(await unfinished()).toEqual([4, 1].map(idOf));
    expect((await b.change(idOf(5)))?.recoveredBy).toBe(idOf(13));
    // One that was to settle it and had done nothing yet: taking that back has no steps, and settles nothing.
    await a.append(idOf(14), begin(15), end(15, 'paused'));
    await a.append(idOf(15), begin(16, { settles: idOf(14) }));
    await b.append(idOf(16), begin(17, { recovers: idOf(15), command: 'deploy abort' }), end(18));
    expect(await unfinished()).toEqual([14, 4, 1].map(idOf));
  });

  it('takes events of several changes from two machines at once, and loses none', async () => {
    const machine = open();
    const one = async (journal: Journal, id: string): Promise<void> => {
      for (const event of [begin(1), stepBegin(2), stepDone(3), end(4)]) await journal.append(id, event);
    };
    await Promise.all([one(machine('a'), idOf(1)), one(machine('b'), idOf(2)), one(machine('c'), idOf(3))]);
    const all = await machine('d').changes(10);
    expect(all.map((change) => [change.id, change.steps[0]?.state, change.end?.outcome])).toEqual(
      [3, 2, 1].map((n) => [idOf(n), 'done', 'done']),
    );
  });
});

describe('the journal on a real engine', () => {
  it('reads the newest of 2,000 events quickly', async () => {
    const scope = scopeOf();
    let from = performance.now();
    const took = (): string => {
      const ms = performance.now() - from;
      from = performance.now();
      return `${ms.toFixed(0)} ms`;
    };
    await fill(scope, 200, 10, (n) => `2025-01-${String(1 + Math.floor(n / 10)).padStart(2, '0')}`);
    const filled = took();
    const journal = on(scope, 'a');
    expect((await journal.changes(20)).length).toBe(20);
    const twenty = took();
    expect((await journal.changes(1000)).length).toBe(200);
    const all = took();
    expect((await journal.change(idOf(100)))?.end?.outcome).toBe('done');
    const one = took();
    await journal.append(idOf(201), begin(201));
    const first = took();
    for (let n = 0; n < 10; n++) await journal.append(idOf(201), stepBegin(201));
    const ten = took();
    console.log(
      `journal of 2,000 events: written at once ${filled}; newest 20 changes ${twenty}, all 200 ${all}, one ${one}; first append ${first}, ten more ${ten}`,
    );
  });

  it('drops the oldest days once enough changes are left, and only those', async () => {
    const scope = scopeOf();
    const extra = 40;
    await fill(scope, KEPT_CHANGES + extra, 1, (n) => (n <= 30 ? '2025-01-01' : n <= 60 ? '2025-01-02' : '2025-01-03'));
    const journal = on(scope, 'a');
    await journal.append(idOf(9000), begin(9000), end(9000));
    const left = await journal.changes(10_000);
    expect(left.length).toBe(KEPT_CHANGES + extra + 1 - 30);
    expect(left.at(-1)?.id).toBe(idOf(31));
    expect(await journal.change(idOf(5))).toBeUndefined();
  });

  it('skips what is none of its own, however it got there', async () => {
    const scope = scopeOf();
    const journal = on(scope, 'a');
    await journal.append(idOf(1), begin(1));
    await journal.append(idOf(1), end(1));
    const day = at(1).slice(0, 10);
    await putArchive(docker, volumeOf(scope), '/journal', [
      { name: `events/${day}/${idOf(1)}/zzz.json`, data: '{"type":"end"' },
      { name: `events/${day}/${idOf(1)}/zzy.json`, data: Buffer.from([0, 255, 254]) },
      { name: `events/${day}/${idOf(1)}/zzx.json`, data: '{"type":"explode","at":"never"}' },
      { name: `events/${day}/${idOf(1)}/large.json`, data: Buffer.alloc(3_000_000, 0x61) },
      { name: `events/${day}/README`, data: 'hello' },
      { name: `index/${day}/nothing.json`, data: 'no json' },
      { name: `index/strange`, data: 'x' },
    ]);
    expect((await journal.changes(10)).map((change) => [change.id, change.end?.outcome])).toEqual([[idOf(1), 'done']]);
  });

  it('survives that its container is pruned: the volume is what counts', async () => {
    const scope = scopeOf();
    await on(scope, 'a').append(idOf(1), begin(1));
    await removeContainerOnly(scope);
    expect((await on(scope, 'b').changes(10)).length).toBe(1);
    await removeContainerOnly(scope);
    await on(scope, 'b').append(idOf(1), end(2));
    expect((await on(scope, 'a').change(idOf(1)))?.end?.outcome).toBe('done');
  });
  const removeContainerOnly = (scope: string) =>
    docker.request({
      method: 'DELETE',
      path: `/containers/${volumeOf(scope)}`,
      query: { force: true },
      asked: 'prune',
    });

  it('that is full is JOURNAL_UNWRITABLE', async () => {
    const scope = scopeOf();
    await docker.request({
      method: 'POST',
      path: '/volumes/create',
      json: { Name: volumeOf(scope), Driver: 'local', DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=64k' } },
      asked: 'make a small volume',
    });
    const journal = on(scope, 'a');
    const large = begin(1, { command: 'x'.repeat(200_000) });
    await expect(journal.append(idOf(1), large)).rejects.toMatchObject({ code: 'JOURNAL_UNWRITABLE' });
  });

  it('refuses ids that are no file names, and events that are too large', async () => {
    const journal = on(scopeOf(), 'a');
    await expect(journal.append('../../etc/passwd', begin(1))).rejects.toMatchObject({ code: 'BUG' });
    await expect(journal.append(idOf(1), begin(1, { command: 'x'.repeat(2_000_000) }))).rejects.toMatchObject({
      code: 'JOURNAL_UNWRITABLE',
    });
  });

  it('keeps no secret', async () => {
    const { Secret } = await import('../../src/core/secret.ts');
    const secret = new Secret('correct-horse-battery');
    const journal = on(scopeOf(), 'a');
    await journal.append(idOf(1), begin(1, { command: `x ${secret.reveal()}` }));
    expect(JSON.stringify(await journal.changes(1))).not.toContain('horse');
  });
});

describe('the journal without an engine', () => {
  const lonely = (machine: string): Journal =>
    openJournal({
      docker: openDocker({ host: `unix://${join(journals.folder(), 'none.sock')}`, env: {}, home: journals.folder() }),
      scope: 'p/production',
      stateDirectory: join(journals.folder(), machine),
    });

  it('goes to local files and says so; others do not see it', async () => {
    const journal = lonely('a');
    await journal.append(idOf(1), begin(1));
    await journal.append(idOf(1), stepBegin(2));
    await journal.append(idOf(2), begin(3, { recovers: idOf(1) }));
    await journal.append(idOf(2), end(4));
    expect(await journal.location()).toMatchObject({
      shared: false,
      where: expect.stringContaining(journals.folder()) as unknown,
    });
    expect((await lonely('a').changes(10)).map((change) => [change.id, change.recoveredBy])).toEqual([
      [idOf(2), undefined],
      [idOf(1), idOf(2)],
    ]);
    expect(await lonely('b').changes(10)).toEqual([]);
  });

  it('a line that a crash cut is skipped', async () => {
    const journal = lonely('a');
    await journal.append(idOf(1), begin(1));
    const [directory] = await readdir(join(journals.folder(), 'a', 'journal'));
    const file = join(journals.folder(), 'a', 'journal', directory ?? '', `${idOf(1)}.jsonl`);
    await writeFile(file, `${await readFile(file, 'utf8')}{"name":"9","event":{"type":"en`);
    expect((await journal.changes(1))[0]?.end).toBeUndefined();
  });

  it('that cannot write either is JOURNAL_UNWRITABLE', async () => {
    await writeFile(join(journals.folder(), 'a'), 'a file where a directory should be');
    await expect(lonely('a').append(idOf(1), begin(1))).rejects.toMatchObject({ code: 'JOURNAL_UNWRITABLE' });
  });

  /** The journal of machine a while the engine is away, and while it is there. */
  const onAndOff = (): { scope: string; off: Journal; on: () => Journal; left: () => Promise<string[]> } => {
    const scope = scopeOf();
    const away = openDocker({
      host: `unix://${join(journals.folder(), 'none.sock')}`,
      env: {},
      home: journals.folder(),
    });
    return {
      scope,
      off: openJournal({ docker: away, scope, stateDirectory: join(journals.folder(), 'a') }),
      on: () => on(scope, 'a'),
      left: () => readdir(join(journals.folder(), 'a', 'journal', engineName('opsctl', scope))),
    };
  };

  it('an end that only missed the engine reaches it with the next look, and nothing is left here', async () => {
    const a = onAndOff();
    await a.on().append(idOf(1), begin(1));
    await a.on().append(idOf(1), stepBegin(2));
    await a.on().append(idOf(1), stepDone(3));
    await a.off.append(idOf(1), end(4));
    expect((await on(a.scope, 'b').change(idOf(1)))?.end).toBeUndefined();
    expect((await a.on().changes(10))[0]?.end).toEqual(end(4));
    expect(await a.left()).toEqual([]);
    expect(await on(a.scope, 'b').change(idOf(1))).toMatchObject({ end: end(4), steps: [{ state: 'done' }] });
  });

  it('a change that began while the engine was away is whole on it with the next append', async () => {
    const a = onAndOff();
    await a.on().append(idOf(1), begin(1));
    await a.off.append(idOf(2), begin(2, { recovers: idOf(1) }));
    await a.off.append(idOf(2), stepBegin(3));
    // Of another day, as at midnight, and without the beginning, so that the index has to be mended.
    const late = stepDone(4);
    await a.on().append(idOf(2), { ...late, at: late.at.replace(/^\d{4}/, '2031') });
    expect(await a.left()).toEqual([]);
    await a.on().append(idOf(2), end(5));
    expect((await on(a.scope, 'b').changes(10)).map((one) => [one.id, one.recoveredBy, one.steps[0]?.state])).toEqual([
      [idOf(2), undefined, 'done'],
      [idOf(1), idOf(2), expect.anything()],
    ]);
  });

  it('says that it is not shared as long as something is only here', async () => {
    const a = onAndOff();
    await a.off.append(idOf(1), begin(1));
    expect((await a.off.location()).shared).toBe(false);
    const files = await a.left();
    expect((await a.on().location()).shared).toBe(true);
    expect([files.length, (await a.left()).length]).toEqual([1, 0]);
  });
});
