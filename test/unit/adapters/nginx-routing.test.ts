import { describe, expect, test } from 'vitest';

import { getArchive } from '../../../src/adapters/docker/archive.ts';
import type { DockerClient } from '../../../src/adapters/docker/client.ts';
import { readRouting, writeRouting } from '../../../src/adapters/nginx-routing.ts';
import { OpsError } from '../../../src/core/errors.ts';
import type { Route } from '../../../src/core/ports/load-balancer.ts';

const lb = { id: 'nginx', directory: '/etc/opsctl' };
const WITHDRAWS = 'rm -f /etc/opsctl/live.next';
const DATE = 'Sun, 01 Mar 2026 12:00:00 GMT';

/** A container of which only `live` can be looked at; what is put into it and run in it is kept. */
function container({
  linkTarget,
  exitCode = 0,
  fails,
  hanging = false,
}: {
  linkTarget?: string;
  exitCode?: number;
  fails?: string;
  /** Whether a rename that was begun before takes the link as soon as it is there. */
  hanging?: boolean;
} = {}) {
  const done: string[] = [];
  /** Whether the link beside `live` is there. */
  let isPending = false;
  let archive: Buffer = Buffer.alloc(0);
  const unasked = (): never => expect.unreachable('the engine was asked for something else');
  const statOf = (target: string) => {
    const stat = JSON.stringify({ name: 'live', size: 0, mode: 0, mtime: DATE, linkTarget: target });
    const headers = { 'x-docker-container-path-stat': Buffer.from(stat).toString('base64') };
    return { status: 200, headers, body: archive };
  };
  const docker: DockerClient = {
    host: 'fake://',
    endpoint: { url: 'fake://', kind: 'socket', path: '/' },
    request: async ({ method, path, query, bytes }) => {
      const answer = { status: 200, headers: { date: DATE }, body: archive };
      if (method === 'PUT') {
        done.push(`put ${JSON.stringify(query)}`);
        isPending = !hanging;
        if (hanging) archive = bytes ?? archive;
        if (fails === 'put') throw new OpsError('REJECTED', 'no space left', { details: { outcome: 'unknown' } });
        archive = bytes ?? archive;
      } else if (method === 'HEAD') {
        if (isPending && query?.['path'] === `${lb.directory}/live.next`) return statOf('generations/1');
        const isLive = query?.['path'] === `${lb.directory}/live` && hanging && done.length > 2;
        if (linkTarget === undefined && !isLive) return { ...answer, status: 404 };
        return statOf(linkTarget ?? 'generations/1');
      } else if (path === '/_ping') done.push('ask for the time');
      return answer;
    },
    ...{ apiVersion: unasked, json: unasked, stream: unasked, hijack: unasked, close: unasked },
  };
  const exec = async (_id: string, argv: string[]) => {
    done.push(argv.join(' '));
    if (argv.join(' ') === WITHDRAWS && fails !== 'all') isPending = false;
    const isFailing = argv[0] === fails || (fails === 'all' && isPending);
    return { exitCode: isFailing ? 1 : exitCode, stdout: '', stderr: 'no such file', truncated: false };
  };
  return { docker, exec, done };
}

/** The files that a route becomes, after generation 4. */
async function written(route: Route): Promise<Map<string, string>> {
  const { docker, exec } = container();
  await writeRouting({ docker, exec }, lb, 4, route);
  const files = await getArchive(docker, lb.id, lb.directory);
  return new Map(files.map((one) => [one.name, one.linkTarget ?? one.data.toString()]));
}
const names = async (route: Route): Promise<string[]> => [...(await written(route)).keys()];

describe('the files of a generation', () => {
  test('must be one for each green service, what opsctl reads, and the link that becomes live', async () => {
    const route: Route = { live: { api: 'green', web: 'blue' } };
    const files = await written(route);
    expect([...files.keys()]).toEqual(['generations/5/routing.json', 'generations/5/api.green', 'live.next']);
    expect(files.get('live.next')).toBe('generations/5');
    expect(files.get('generations/5/api.green')).toBe('');
    expect(JSON.parse(files.get('generations/5/routing.json') ?? '')).toEqual({ generation: 5, ...route });
  });

  test('must be, for a canary, one for each of its buckets, in the other colour of each service', async () => {
    const route: Route = { live: { api: 'green', web: 'blue' }, canary: { services: ['api', 'web'], percent: 3 } };
    expect(await names(route)).toEqual([
      'generations/5/routing.json',
      'generations/5/api.green',
      ...[0, 1, 2].map((bucket) => `generations/5/api.blue-${bucket.toString()}`),
      ...[0, 1, 2].map((bucket) => `generations/5/web.green-${bucket.toString()}`),
      'generations/5/canary',
      'live.next',
    ]);
  });

  test('must contain those of a smaller share: a visitor who has the new version keeps it', async () => {
    const share = (percent: number): Route => ({ live: {}, canary: { services: ['api'], percent } });
    const [small, large] = [await names(share(5)), await names(share(25))];
    expect(large).toEqual(expect.arrayContaining(small));
    expect(large.filter((name) => name.includes('api.'))).toHaveLength(25);
  });

  test.each(['../../nginx.conf', 'a/b', '', '.hidden', '-rf'])(
    'must not be made of a name such as %j',
    async (name) => {
      await expect(written({ live: { [name]: 'green' } })).rejects.toMatchObject({ code: 'BUG' });
      await expect(written({ live: {}, canary: { services: [name], percent: 1 } })).rejects.toMatchObject({
        code: 'BUG',
      });
    },
  );
});

describe('a switch', () => {
  test('must be one rename, after what a killed program left of it was removed and all is written', async () => {
    const { docker, exec, done } = container();
    await writeRouting({ docker, exec }, lb, 14, { live: {} });
    expect(done).toEqual([
      'rm -rf /etc/opsctl/generations/15 /etc/opsctl/generations/5',
      'ask for the time',
      'put {"path":"/etc/opsctl"}',
      'mv -T /etc/opsctl/live.next /etc/opsctl/live',
    ]);
  });

  test('must be told to have failed when the container cannot do it', async () => {
    const { docker, exec, done } = container({ exitCode: 127 });
    await expect(writeRouting({ docker, exec }, lb, 0, { live: {} })).rejects.toMatchObject({
      code: 'REJECTED',
      message: 'rm failed in container nginx (exit code 127)',
      details: { said: 'no such file' },
    });
    expect(done).toEqual(['rm -rf /etc/opsctl/generations/1']);
  });

  test.each(['mv', 'put'])('whose %s fails must leave no link, and be known to have done nothing', async (fails) => {
    const { docker, exec, done } = container({ fails });
    await expect(writeRouting({ docker, exec }, lb, 0, { live: {} })).rejects.toMatchObject({
      ...{ code: 'REJECTED', details: { outcome: 'none' } },
    });
    expect(done.at(-1)).toBe(WITHDRAWS);
  });

  test('that an earlier rename has made meanwhile must count as done, though its writing failed', async () => {
    const { docker, exec } = container({ fails: 'put', hanging: true });
    await expect(writeRouting({ docker, exec }, lb, 0, { live: { api: 'green' } })).resolves.toBeUndefined();
  });

  test('whose link cannot be removed must not be known to have done nothing: one before it may still take the link', async () => {
    const { docker, exec } = container({ fails: 'all' });
    const told: unknown = await writeRouting({ docker, exec }, lb, 0, { live: {} }).catch((thrown: unknown) => thrown);
    expect(told).toMatchObject({ code: 'REJECTED', message: 'mv failed in container nginx (exit code 1)' });
    expect(told).not.toHaveProperty('details.outcome');
  });
});

describe('where traffic goes', () => {
  test('must be unknown where it was never set up', async () => {
    expect(await readRouting(container().docker, lb.id, lb.directory)).toBeUndefined();
  });

  test.each(['', '/srv/other', 'generations/x', 'generations/5/..'])(
    'must not be read through the link %j',
    async (linkTarget) => {
      await expect(readRouting(container({ linkTarget }).docker, lb.id, lb.directory)).rejects.toMatchObject({
        code: 'BAD_ANSWER',
        details: { link: linkTarget },
      });
    },
  );
});
