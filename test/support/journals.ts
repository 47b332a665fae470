/** Journals on the test engine: two machines are two openings with different state directories on one engine. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach } from 'vitest';

import { putArchive, type NewFile } from '../../src/adapters/docker/archive.ts';
import { createBare, engineName } from '../../src/adapters/docker/bare.ts';
import type { DockerClient } from '../../src/adapters/docker/client.ts';
import { openJournal } from '../../src/adapters/journal.ts';
import type { Journal } from '../../src/core/ports/journal.ts';
import { begin, end, idOf, stepBegin, stepDone } from './change-events.ts';
import { removeContainer, testDocker, uniqueName } from './test-containers.ts';

export interface Journals {
  docker: DockerClient;
  /** Where the machines have their state; made anew for each test. */
  folder(): string;
  /** A journal of its own, removed after the test. */
  scopeOf(): string;
  volumeOf(scope: string): string;
  on(scope: string, machine: string, engine?: DockerClient): Journal;
  /** What a journal of many changes looks like, written at once. @param page where each is @param indexed what the index says of each */
  fill(scope: string, changes: number, events: number, page: (n: number) => string, indexed?: object): Promise<void>;
}

/** For a file of tests. */
export function openJournals(): Journals {
  const docker = testDocker();
  let folder: string;
  const scopes: string[] = [];
  const volumeOf = (scope: string): string => engineName('opsctl-journal', scope);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'opsctl-journal-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
    for (const scope of scopes.splice(0)) {
      const name = volumeOf(scope);
      await removeContainer(docker, name);
      await docker.request({
        method: 'DELETE',
        path: `/volumes/${name}`,
        asked: 'remove a test journal',
        accept: [404],
      });
    }
  });
  afterAll(() => docker.close());

  return {
    docker,
    folder: () => folder,
    scopeOf: () => {
      const scope = uniqueName('journal');
      scopes.push(scope);
      return scope;
    },
    volumeOf,
    on: (scope, machine, engine = testDocker()) =>
      openJournal({ docker: engine, scope, stateDirectory: join(folder, machine) }),
    fill: async (scope, changes, events, page, indexed = {}) => {
      const name = volumeOf(scope);
      await createBare(docker, { name, labels: { 'opsctl.journal': scope }, volumes: { '/journal': name } });
      const files: NewFile[] = [];
      for (let n = 1; n <= changes; n++) {
        files.push({ name: `index/${page(n)}/${idOf(n)}.json`, data: JSON.stringify(indexed) });
        for (let e = 0; e < events; e++) {
          const event = e === 0 ? begin(n) : e === events - 1 ? end(n) : e % 2 ? stepBegin(n) : stepDone(n);
          files.push({
            name: `events/${page(n)}/${idOf(n)}/${String(e).padStart(15, '0')}-x.json`,
            data: JSON.stringify(event),
          });
        }
      }
      await putArchive(docker, name, '/journal', files, 60_000);
    },
  };
}
