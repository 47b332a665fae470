import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';

import type { Entry } from '../../../src/adapters/journal-entries.ts';
import { openLocalJournal, type LocalJournal } from '../../../src/adapters/journal-local.ts';
import { begin, idOf, stepBegin } from '../../support/change-events.ts';

let folder: string;
let journal: LocalJournal;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'opsctl-journal-'));
  journal = openLocalJournal(folder);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const entry = (n: number): Entry => ({
  change: idOf(1),
  name: String(n).padStart(3, '0'),
  event: n === 0 ? begin(0) : stepBegin(n),
});

it('sending on must lose nothing that is appended meanwhile, by this program or another', async () => {
  const sent = new Set<string>();
  const send = async (entries: readonly Entry[]): Promise<void> => {
    await sleep(1);
    for (const { name } of entries) sent.add(name);
  };
  const done = new AbortController();
  const write = async (): Promise<void> => {
    const other = openLocalJournal(folder);
    for (let n = 0; n < 150; n++) await (n % 2 ? other : journal).append(idOf(1), [entry(n)]);
    done.abort();
  };
  const sender = async (): Promise<void> => {
    while (!done.signal.aborted) {
      await openLocalJournal(folder).sendOn(idOf(1), send);
      await sleep(1);
    }
  };
  await Promise.all([write(), sender(), sender()]);
  await journal.sendOn(idOf(1), send);
  expect([...sent].sort()).toEqual(Array.from({ length: 150 }, (_, n) => entry(n).name));
  expect(await readdir(folder)).toEqual([]);
});

it('what could not be sent must stay', async () => {
  await journal.append(idOf(1), [entry(0)]);
  const refuse = (): Promise<void> => Promise.reject(new Error('no engine'));
  await expect(journal.sendOn(idOf(1), refuse)).rejects.toThrow('no engine');
  expect(await journal.changes()).toEqual([idOf(1)]);
  expect((await journal.events([idOf(1)])).map(({ name }) => name)).toEqual(['000']);
});

it('must show and send what a sender that died had moved aside', async () => {
  const { rename } = await import('node:fs/promises');
  await journal.append(idOf(1), [entry(0)]);
  await rename(join(folder, `${idOf(1)}.jsonl`), join(folder, `${idOf(1)}.jsonl.0123abcd`));
  await journal.append(idOf(1), [entry(1)]);
  expect(await journal.changes()).toEqual([idOf(1)]);
  const sent: string[] = [];
  await journal.sendOn(idOf(1), (entries) => Promise.resolve(void sent.push(...entries.map(({ name }) => name))));
  expect(sent.sort()).toEqual(['000', '001']);
  expect(await readdir(folder)).toEqual([]);
});
