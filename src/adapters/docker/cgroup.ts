/** Resource use read from the kernel's cgroup files, versions 1 and 2: free of charge, where the engine is this machine's. */
import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { parsePairs, readMemoryV1, readMemoryV2, sumIo, sumNetwork, type Memory } from './cgroup-files.ts';

/** Directories of one container; version 1 has one for every controller. */
export interface Cgroup {
  version: 1 | 2;
  cpu: string;
  memory: string;
  pids: string;
  io: string;
}

/** What was read at one moment. Absent: the controller is not there, or this user may not read it. */
export interface CgroupSample {
  /** Of a clock that only goes forward, in ms. */
  at: number;
  cpuNs: number;
  memory: Memory;
  pids: number;
  oomKills?: number;
  io?: { read: number; written: number };
  network?: { received: number; sent: number };
}

/** Where cgroup controllers are mounted; the root of a test's own tree in tests. */
export interface CgroupMounts {
  /** Mount point by controller name; `''` is the unified hierarchy. */
  points: ReadonlyMap<string, string>;
  proc: string;
}

/** Reads the mounts of this machine; undefined where there are none (another system than Linux). */
export async function findMounts(proc = '/proc'): Promise<CgroupMounts | undefined> {
  const text = await read(join(proc, 'self', 'mountinfo'));
  const points = new Map<string, string>();
  for (const line of text.split('\n')) {
    // 36 35 98:0 /root /mount/point options - type source super-options
    const [before = '', after = ''] = line.split(' - ');
    const point = before.split(' ')[4];
    const [type, , options = ''] = after.split(' ');
    if (point === undefined) continue;
    if (type === 'cgroup2') points.set('', point);
    if (type === 'cgroup') for (const name of options.split(',')) points.set(name, point);
  }
  return points.size > 0 ? { points, proc } : undefined;
}

/**
 * The cgroup of a container. Its directory bears the container's id of 64 hexadecimal digits, so that finding
 * one proves that the container runs on this very kernel, visible from here; nothing is assumed.
 * `pid`, when known, finds containers with a cgroup parent of their own.
 */
export async function findCgroup(mounts: CgroupMounts, id: string, pid?: number): Promise<Cgroup | undefined> {
  // cgroupfs driver, systemd driver; rootless engines and custom parents are found through the process.
  const usual = [join('docker', id), join('system.slice', `docker-${id}.scope`)];
  const own = pid === undefined ? undefined : await pathsOf(mounts, id, pid);
  if (mounts.points.has('memory')) {
    const of = async (controller: string): Promise<string | undefined> => {
      const point = mounts.points.get(controller);
      return point === undefined ? undefined : firstDirectory(point, [...usual, own?.get(controller)]);
    };
    const [cpu, memory, pids, io] = await Promise.all(['cpuacct', 'memory', 'pids', 'blkio'].map(of));
    if (cpu === undefined || memory === undefined) return undefined;
    return { version: 1, cpu, memory, pids: pids ?? '', io: io ?? '' };
  }
  const unified = mounts.points.get('');
  const at = unified === undefined ? undefined : firstDirectory(unified, [...usual, own?.get('')]);
  return at === undefined ? undefined : { version: 2, cpu: at, memory: at, pids: at, io: at };
}

/** The paths in a process' own list, if that process really belongs to the container. */
async function pathsOf(mounts: CgroupMounts, id: string, pid: number): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const line of (await read(join(mounts.proc, String(pid), 'cgroup'))).split('\n')) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path.includes(id)) for (const name of controllers.split(',')) found.set(name, path);
  }
  return found;
}

function firstDirectory(point: string, paths: readonly (string | undefined)[]): string | undefined {
  for (const path of paths) {
    if (path === undefined) continue;
    const at = join(point, path);
    if (statSync(at, { throwIfNoEntry: false })?.isDirectory() === true) return at;
  }
  return undefined;
}

/** Reads everything once; undefined when the container ended meanwhile. */
export async function sample(mounts: CgroupMounts, id: string, cgroup: Cgroup): Promise<CgroupSample | undefined> {
  const [cpuNs, memory, pids, io, oomKills, network] = await Promise.all([
    cpuTime(cgroup),
    cgroup.version === 1 ? readMemoryV1(cgroup.memory, read) : readMemoryV2(cgroup.memory, read),
    read(join(cgroup.pids, 'pids.current')),
    readIo(cgroup),
    readOomKills(cgroup),
    readNetwork(mounts, id, cgroup),
  ]);
  if (cpuNs === undefined || memory === undefined) return undefined;
  return {
    at: cpuNs.at,
    cpuNs: cpuNs.ns,
    memory,
    pids: Number(pids.trim() || 0),
    ...(io !== undefined && { io }),
    ...(oomKills !== undefined && { oomKills }),
    ...(network !== undefined && { network }),
  };
}

/** CPU time alone, for the second of two reads. */
export async function cpuTime(cgroup: Cgroup): Promise<{ at: number; ns: number } | undefined> {
  const text = await read(join(cgroup.cpu, cgroup.version === 1 ? 'cpuacct.usage' : 'cpu.stat'));
  const at = performance.now();
  const value =
    cgroup.version === 1
      ? Number(text.trim() || Number.NaN)
      : (parsePairs(text).get('usage_usec') ?? Number.NaN) * 1000;
  return Number.isFinite(value) ? { at, ns: value } : undefined;
}

async function readIo(cgroup: Cgroup): Promise<{ read: number; written: number } | undefined> {
  if (cgroup.io === '') return undefined;
  if (cgroup.version === 2) return sumIo(await read(join(cgroup.io, 'io.stat')));
  // The first counts only where the bfq or cfq scheduler is in use; the throttle's counter always does.
  const [scheduler, throttle] = await Promise.all(
    ['blkio.bfq.io_service_bytes_recursive', 'blkio.throttle.io_service_bytes_recursive'].map((name) =>
      read(join(cgroup.io, name)),
    ),
  );
  return sumIo(/\d+:\d+ /.test(throttle ?? '') ? (throttle ?? '') : (scheduler ?? ''));
}

/** Version 1 counts since kernel 4.13. */
async function readOomKills(cgroup: Cgroup): Promise<number | undefined> {
  const name = cgroup.version === 1 ? 'memory.oom_control' : 'memory.events';
  return parsePairs(await read(join(cgroup.memory, name))).get('oom_kill');
}

/**
 * Network counters stand in the network namespace of the container's processes. Left out when that is the
 * machine's own (`--network host`), as `docker stats` does, and when this user may not look.
 */
async function readNetwork(
  mounts: CgroupMounts,
  id: string,
  cgroup: Cgroup,
): Promise<{ received: number; sent: number } | undefined> {
  // The first process; 0 stands for one of a process namespace that is not visible from here.
  const pid = Number((await read(join(cgroup.memory, 'cgroup.procs'))).split('\n')[0] ?? 0);
  if (!(pid > 0)) return undefined;
  const at = join(mounts.proc, String(pid));
  const namespace = async (of: string): Promise<string> => orEmpty(() => readlinkSync(join(of, 'ns', 'net')));
  const [member, theirs, machine, ours, counters] = await Promise.all([
    read(join(at, 'cgroup')),
    namespace(at),
    namespace(join(mounts.proc, '1')),
    // An engine may have been started in another network than the machine's first process; then most likely in ours.
    namespace(join(mounts.proc, 'self')),
    read(join(at, 'net', 'dev')),
  ]);
  if (!member.includes(id) || theirs === '' || theirs === machine || theirs === ours) return undefined;
  return sumNetwork(counters);
}

/**
 * Read on the spot: the kernel makes these files in memory. By way of Node's threads, all of a platform's take ten times
 * as long.
 */
const read = async (path: string): Promise<string> => orEmpty(() => readFileSync(path, 'utf8'));

function orEmpty(look: () => string): string {
  try {
    return look();
  } catch {
    return '';
  }
}
