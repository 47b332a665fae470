import { describe, expect, test } from 'vitest';

import { getArchive, putArchive } from '../../../src/adapters/docker/archive.ts';
import { type Reach, readRouting, writeRouting } from '../../../src/adapters/nginx-routing.ts';
import { OpsError } from '../../../src/core/errors.ts';
import type { Route } from '../../../src/core/ports/load-balancer.ts';
import { fakeDocker, pathHead } from '../../support/fakes/docker.ts';

const lb = { id: 'nginx', directory: '/etc/opsctl' };
const WITHDRAWS = 'rm -f /etc/opsctl/live.next';
const DATE = 'Sun, 01 Mar 2026 12:00:00 GMT';

/** A container of which only `live`, and what is `there`, can be looked at; what is asked of it and run in it is kept. */
function container({
  linkTarget,
  there = [],
  status = 'running',
  exitCode = 0,
  fails,
  hanging = false,
}: {
  linkTarget?: string;
  there?: string[];
  /** Of the container. */
  status?: string;
  exitCode?: number;
  fails?: string;
  /** Whether a rename that was begun before takes the link as soon as it is there. */
  hanging?: boolean;
} = {}) {
  const done: string[] = [];
  const link = { mtime: DATE };
  /** Whether the link beside `live` is there. */
  let isPending = false;
  let archive: Buffer = Buffer.alloc(0);
  const statOf = (linkTarget: string) => ({
    ...{ status: 200, headers: pathHead({ mtime: link.mtime, linkTarget }), body: archive },
  });
  const docker = fakeDocker(async ({ method, path, query, bytes }) => {
    const answer = { status: 200, headers: { date: DATE }, body: archive };
    if (method === 'PUT') {
      done.push(`put ${JSON.stringify(query)}`);
      isPending = !hanging;
      if (hanging) archive = bytes ?? archive;
      if (fails === 'put') throw new OpsError('REJECTED', 'no space left', { details: { outcome: 'unknown' } });
      archive = bytes ?? archive;
    } else if (method === 'HEAD') {
      if (isPending && query?.['path'] === `${lb.directory}/live.next`) return statOf('generations/1');
      if (there.some((one) => one === query?.['path'])) return statOf('');
      const isPut = done.some((one) => one.startsWith('put'));
      const isLive = query?.['path'] === `${lb.directory}/live` && (linkTarget !== undefined || (hanging && isPut));
      return isLive ? statOf(linkTarget ?? 'generations/1') : { ...answer, status: 404 };
    } else if (path.endsWith('/json')) {
      done.push('look whether it runs');
      return { ...answer, body: Buffer.from(JSON.stringify({ State: { Status: status } })) };
    } else {
      done.push(`read ${JSON.stringify(query)}`);
      return statOf('');
    }
    return answer;
  });
  const exec = async (_id: string, argv: string[]) => {
    done.push(argv.join(' '));
    if (argv.join(' ') === WITHDRAWS && fails !== 'all') isPending = false;
    const isFailing = argv[0] === fails || (fails === 'all' && isPending);
    return { exitCode: isFailing ? 1 : exitCode, stdout: '', stderr: 'no such file', truncated: false };
  };
  const reach: Reach = { docker, exec, seen: new Map() };
  return { reach, done, link };
}

/** The files that a route becomes, after generation 4. */
async function written(route: Route): Promise<Map<string, string>> {
  const { reach } = container();
  await writeRouting(reach, lb, 4, route);
  const files = await getArchive(reach.docker, lb.id, lb.directory);
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
  const SWITCHES = [
    'look whether it runs',
    'put {"path":"/etc/opsctl"}',
    'mv -T /etc/opsctl/live.next /etc/opsctl/live',
  ];

  test('must be one rename after all is written; what is old is removed once visitors go there', async () => {
    const { reach, done } = container();
    await writeRouting(reach, lb, 14, { live: {} });
    expect(done).toEqual([
      ...SWITCHES,
      'rm -rf /etc/opsctl/generations/5 /etc/opsctl/generations/4 /etc/opsctl/generations/3',
    ]);
  });

  test('must first remove what a killed program left of its generation', async () => {
    const { reach, done } = container({ there: ['/etc/opsctl/generations/2'] });
    await writeRouting(reach, lb, 1, { live: {} });
    expect(done).toEqual(['rm -rf /etc/opsctl/generations/2', ...SWITCHES]);
  });

  test('must stand when what is old cannot be removed', async () => {
    const { reach } = container({ fails: 'rm' });
    await expect(writeRouting(reach, lb, 14, { live: {} })).resolves.toBeUndefined();
  });

  test.each(['paused', 'exited', 'restarting'])(
    'must not be begun in a container that is %s: what is written there could not be renamed',
    async (status) => {
      const { reach, done } = container({ status });
      await expect(writeRouting(reach, lb, 0, { live: {} })).rejects.toMatchObject({
        ...{ code: 'REJECTED', message: `container nginx is ${status}, so traffic cannot be switched there` },
        details: { outcome: 'none' },
      });
      expect(done).toEqual(['look whether it runs']);
    },
  );

  test('must be told to have failed when the container cannot do it', async () => {
    const { reach, done } = container({ there: ['/etc/opsctl/generations/1'], exitCode: 127 });
    await expect(writeRouting(reach, lb, 0, { live: {} })).rejects.toMatchObject({
      code: 'REJECTED',
      message: 'rm failed in container nginx (exit code 127)',
      details: { said: 'no such file' },
    });
    expect(done).toEqual(['rm -rf /etc/opsctl/generations/1']);
  });

  test.each(['mv', 'put'])('whose %s fails must leave no link, and be known to have done nothing', async (fails) => {
    const { reach, done } = container({ fails });
    await expect(writeRouting(reach, lb, 0, { live: {} })).rejects.toMatchObject({
      ...{ code: 'REJECTED', details: { outcome: 'none' } },
    });
    expect(done.at(-1)).toBe(WITHDRAWS);
  });

  test('that an earlier rename has made meanwhile must count as done, though its writing failed', async () => {
    const { reach } = container({ fails: 'put', hanging: true });
    await expect(writeRouting(reach, lb, 0, { live: { api: 'green' } })).resolves.toBeUndefined();
  });

  test('whose link cannot be removed must not be known to have done nothing: one before it may still take the link', async () => {
    const { reach } = container({ fails: 'all' });
    const told: unknown = await writeRouting(reach, lb, 0, { live: {} }).catch((thrown: unknown) => thrown);
    expect(told).toMatchObject({ code: 'REJECTED', message: 'mv failed in container nginx (exit code 1)' });
    expect(told).not.toHaveProperty('details.outcome');
  });
});

describe('where traffic goes', () => {
  test('must be unknown where it was never set up', async () => {
    expect(await readRouting(container().reach, lb)).toBeUndefined();
  });

  test.each(['', '/srv/other', 'generations/x', 'generations/5/..'])(
    'must not be read through the link %j',
    async (linkTarget) => {
      await expect(readRouting(container({ linkTarget }).reach, lb)).rejects.toMatchObject({
        code: 'BAD_ANSWER',
        details: { link: linkTarget },
      });
    },
  );

  test('must be read once while the link is the same, and anew when it is another', async () => {
    const { reach, done, link } = container({ linkTarget: 'generations/5' });
    const put = (live: Route['live']): Promise<void> =>
      putArchive(reach.docker, lb.id, lb.directory, [
        { name: 'routing.json', data: JSON.stringify({ generation: 5, live }) },
      ]);
    const read = () => readRouting(reach, lb);
    await put({ api: 'green' });
    expect([await read(), await read()]).toMatchObject([{ live: { api: 'green' } }, { live: { api: 'green' } }]);
    await put({ api: 'blue' });
    link.mtime = 'Sun, 01 Mar 2026 12:00:01 GMT';
    expect(await read()).toMatchObject({ live: { api: 'blue' }, since: '2026-03-01T12:00:01.000Z' });
    expect(done.filter((one) => one.startsWith('read'))).toHaveLength(2);
  });
});
