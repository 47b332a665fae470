import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { findCgroup, findMounts, sample, type CgroupMounts } from '../../../../src/adapters/docker/cgroup.ts';
import { sumIo, sumNetwork } from '../../../../src/adapters/docker/cgroup-files.ts';

const ID = 'ab'.repeat(32);
const PID = 4321;
let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'opsctl-cgroup-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const put = async (files: Record<string, string>): Promise<void> => {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
};
/** A process of the container, in a network of its own. */
const putProcess = async (): Promise<void> => {
  await put({
    [`proc/${PID}/cgroup`]: `0::/system.slice/docker-${ID}.scope\n`,
    [`proc/${PID}/net/dev`]:
      'Inter-|   Receive  |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes\n' +
      '    lo: 999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0\n  eth0:1000 5 0 0 0 0 0 0 2000 6 0 0 0 0 0 0\n',
  });
  for (const [pid, space] of [
    [PID, 'net:[2]'],
    [1, 'net:[1]'],
    ['self', 'net:[1]'],
  ] as const) {
    await mkdir(join(root, 'proc', String(pid), 'ns'), { recursive: true });
    await symlink(space, join(root, 'proc', String(pid), 'ns', 'net'));
  }
};
const v2 = (): CgroupMounts => ({ points: new Map([['', join(root, 'cgroup')]]), proc: join(root, 'proc') });
const V2_FILES = {
  'cpu.stat': 'usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n',
  'memory.current': '10000\n',
  'memory.max': '50000\n',
  'memory.stat': 'anon 4000\nfile 5000\nkernel 700\nsock 30\nshmem 10\nslab 600\ninactive_file 3000\npgfault 77\n',
  'memory.events': 'low 0\nhigh 0\nmax 3\noom 2\noom_kill 2\noom_group_kill 0\n',
  'memory.swap.current': '0\n',
  'pids.current': '7\n',
  'io.stat':
    '8:0 rbytes=100 wbytes=200 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=2 rios=1 wios=1 dbytes=0 dios=0\n',
  'cgroup.procs': `${PID}\n`,
};
const below = (path: string, files: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [join(path, name), text]));

describe('cgroup v2', () => {
  it.each([
    ['systemd', `cgroup/system.slice/docker-${ID}.scope`],
    ['cgroupfs', `cgroup/docker/${ID}`],
  ])('is read with the %s driver', async (_driver, path) => {
    await put(below(path, V2_FILES));
    await putProcess();
    const found = await findCgroup(v2(), ID);
    expect(found?.version).toBe(2);
    expect(await sample(v2(), ID, found as NonNullable<typeof found>)).toEqual({
      at: expect.any(Number) as unknown,
      cpuNs: 1_500_000,
      memory: {
        used: 7000,
        limit: 50_000,
        detail: { anon: 4000, file: 5000, kernel: 700, sock: 30, shmem: 10, slab: 600, inactive_file: 3000, swap: 0 },
      },
      pids: 7,
      oomKills: 2,
      io: { read: 101, written: 202 },
      network: { received: 1000, sent: 2000 },
    });
  });

  it('says no limit where there is none, and leaves the network out where it may not look', async () => {
    await put(below(`cgroup/docker/${ID}`, { ...V2_FILES, 'memory.max': 'max\n', 'cgroup.procs': '0\n' }));
    const found = await findCgroup(v2(), ID);
    const read = await sample(v2(), ID, found as NonNullable<typeof found>);
    expect(read?.memory.limit).toBeUndefined();
    expect(read?.network).toBeUndefined();
  });

  it('is found in a parent of its own through a process, but only one that really is in it', async () => {
    await put(below(`cgroup/custom/${ID}`, V2_FILES));
    await put({ [`proc/${PID}/cgroup`]: `0::/custom/${ID}\n`, 'proc/5/cgroup': '0::/somewhere/else\n' });
    expect(await findCgroup(v2(), ID)).toBeUndefined();
    expect((await findCgroup(v2(), ID, PID))?.cpu).toBe(join(root, 'cgroup/custom', ID));
    expect(await findCgroup(v2(), ID, 5)).toBeUndefined();
  });

  it('of a container that ended meanwhile is nothing', async () => {
    await put(below(`cgroup/docker/${ID}`, { 'cgroup.procs': '' }));
    const found = await findCgroup(v2(), ID);
    expect(await sample(v2(), ID, found as NonNullable<typeof found>)).toBeUndefined();
  });
});

describe('cgroup v1', () => {
  it('is read, the largest number standing for no limit', async () => {
    const points = new Map(['cpuacct', 'memory', 'pids', 'blkio'].map((name) => [name, join(root, name)]));
    const at = (name: string): string => `${name}/docker/${ID}`;
    await put({
      ...below(at('cpuacct'), { 'cpuacct.usage': '123456\n' }),
      ...below(at('memory'), {
        'memory.usage_in_bytes': '9000\n',
        'memory.limit_in_bytes': '9223372036854771712\n',
        'memory.stat':
          'cache 1\nrss 2\nhierarchical_memory_limit 9223372036854771712\ntotal_cache 5000\ntotal_rss 3000\ntotal_inactive_file 4000\n',
        'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 1\n',
        'memory.kmem.usage_in_bytes': '800\n',
        'cgroup.procs': '',
      }),
      ...below(at('pids'), { 'pids.current': '3\n' }),
      ...below(at('blkio'), {
        'blkio.throttle.io_service_bytes_recursive': '8:0 Read 10\n8:0 Write 20\n8:0 Total 30\nTotal 30\n',
      }),
    });
    const mounts = { points, proc: join(root, 'proc') };
    const found = await findCgroup(mounts, ID);
    expect(await sample(mounts, ID, found as NonNullable<typeof found>)).toEqual({
      at: expect.any(Number) as unknown,
      cpuNs: 123_456,
      memory: { used: 5000, detail: { file: 5000, anon: 3000, inactive_file: 4000, kernel: 800 } },
      pids: 3,
      oomKills: 1,
      io: { read: 10, written: 20 },
    });
  });
});

describe('mounts and counters', () => {
  it('finds controllers wherever they are mounted', async () => {
    await put({
      'proc/self/mountinfo':
        '33 32 0:30 / /cg/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw\n20 1 8:1 / / rw - ext4 /dev/x rw\n',
    });
    const mounts = await findMounts(join(root, 'proc'));
    expect(mounts?.points.get('cpuacct')).toBe('/cg/cpu,cpuacct');
    expect(mounts?.points.get('')).toBe('/cg/unified');
    expect(await findMounts(join(root, 'nowhere'))).toBeUndefined();
  });

  it('sums nothing out of nonsense', () => {
    expect(sumIo('hello\n8:0 Read x\n')).toEqual({ read: 0, written: 0 });
    expect(sumNetwork('hello\n')).toEqual({ received: 0, sent: 0 });
  });
});
