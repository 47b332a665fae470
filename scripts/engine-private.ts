/**
 * The demo's own dockerd: for machines without an engine. Its socket, data, execution state and
 * pidfile are apart from everything that belongs to the machine, so that it can be removed without
 * a trace. Two engines in one network namespace fight over docker0, hence at most one of it.
 */
import { spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync, renameSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { answers, PRIVATE_DATA, PRIVATE_HOST, PRIVATE_RUN } from './engine-find.ts';
import { noteNetwork, restoreNetwork } from './engine-network.ts';
import { Failure, say } from './failure.ts';
import { disableService, hasProgram, install, isAvailable } from './packages.ts';
import { attempt, lastLines } from './run.ts';

const PIDFILE = `${PRIVATE_RUN}/docker.pid`;
const LOG = `${PRIVATE_DATA}/dockerd.log`;
const NETWORK_NOTE = `${PRIVATE_DATA}/network.json`;
export const PRIVATE_LOCK = '/run/opsctl-demo.lock';
const CONTAINERD_PIDFILE = `${PRIVATE_RUN}/exec/containerd/containerd.pid`;
const CONTAINERD_CONFIG = `${PRIVATE_RUN}/exec/containerd/containerd.toml`;
const START_MS = 60_000;
const STOP_MS = 60_000;

/** Installs and starts the private engine; returns when it answers. The caller holds the lock. */
export async function startPrivate(): Promise<void> {
  if (await answers(PRIVATE_HOST)) return;
  await installEngine();
  await mkdir(PRIVATE_RUN, { recursive: true, mode: 0o711 });
  await mkdir(PRIVATE_DATA, { recursive: true, mode: 0o711 });
  let pid = pidIn(PIDFILE, `--pidfile=${PIDFILE}`);
  if (pid === undefined) {
    // dockerd refuses to start when the pidfile names any living process, even another program, and
    // it waits in vain for a containerd that is just ending after its dockerd was killed.
    await rm(PIDFILE, { force: true });
    await end(pidIn(CONTAINERD_PIDFILE, CONTAINERD_CONFIG), 'containerd');
    await rm(CONTAINERD_PIDFILE, { force: true });
    await noteNetwork(NETWORK_NOTE);
    say(`starting a private Docker engine (socket ${PRIVATE_HOST}, log ${LOG})`);
    pid = launch();
  }
  const deadline = Date.now() + START_MS;
  while (!(await answers(PRIVATE_HOST, 1_000))) {
    if (!isAlive(pid) || Date.now() > deadline) {
      const log = lastLines(await readFile(LOG, 'utf8').catch(() => '(no log)'), 20);
      throw new Failure(`the private Docker engine did not start; the end of ${LOG}:\n${log}`, 6);
    }
    await sleep(200);
  }
}

function launch(): number {
  if (existsSync(LOG)) renameSync(LOG, `${LOG}.1`);
  const log = openSync(LOG, 'w');
  const args = [
    `--host=${PRIVATE_HOST}`,
    `--data-root=${PRIVATE_DATA}/data`,
    `--exec-root=${PRIVATE_RUN}/exec`,
    `--pidfile=${PIDFILE}`,
    '--log-level=warn',
  ];
  const child = spawn('dockerd', args, {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
  });
  child.on('error', () => {});
  child.unref();
  return child.pid ?? -1;
}

async function installEngine(): Promise<void> {
  const wanted: string[] = [];
  if (!hasProgram('dockerd')) {
    wanted.push('docker.io');
    // From Debian 13 on, the client is a package of its own.
    if (!hasProgram('docker') && (await isAvailable('docker-cli'))) wanted.push('docker-cli');
  }
  if (!hasProgram('iptables')) wanted.push('iptables');
  if (wanted.length === 0) return;
  await install(wanted);
  if (wanted.includes('docker.io')) await disableService('docker.service', 'docker.socket');
}

/** Ends the private engine, and with it its containers, and starts it again: what a reboot of the host is to those who use it. */
export async function restartPrivate(): Promise<void> {
  await end(pidIn(PIDFILE, `--pidfile=${PIDFILE}`), 'Docker engine');
  await startPrivate();
}

/** Ends the private engine and removes its data. Containers in it end with it. */
export async function removePrivate(): Promise<void> {
  await end(pidIn(PIDFILE, `--pidfile=${PIDFILE}`), 'Docker engine');
  await unmountBelow(PRIVATE_DATA);
  await unmountBelow(PRIVATE_RUN);
  await restoreNetwork(NETWORK_NOTE);
  await removeFolder(PRIVATE_DATA);
  await removeFolder(PRIVATE_RUN);
}

/** True when there is anything of the private engine to remove, running or not. */
export function privateExists(): boolean {
  return existsSync(`${PRIVATE_DATA}/data`) || existsSync(PIDFILE);
}

/** The folder itself may be a mount point, if someone gave the demo a disk of its own: it stays then. */
async function removeFolder(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    await rm(join(folder, name), { recursive: true, force: true });
  }
  await rmdir(folder).catch(() => {});
}

/** The pid in a pidfile of ours, if that process was started with this argument, so is ours too. */
function pidIn(pidfile: string, argument: string): number | undefined {
  try {
    const pid = Number(readFileSync(pidfile, 'utf8'));
    const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return argv.includes(argument) && isAlive(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Asks a process to end and waits until it has. */
async function end(pid: number | undefined, what: string): Promise<void> {
  if (pid === undefined) return;
  const deadline = Date.now() + STOP_MS;
  process.kill(pid, 'SIGTERM');
  while (isAlive(pid)) {
    if (Date.now() > deadline) {
      throw new Failure(`the private ${what} (process ${pid}) does not end; see ${LOG}`);
    }
    await sleep(100);
  }
}

function isAlive(pid: number): boolean {
  try {
    // A zombie answers signals too, and in a container nobody may collect it.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** What a killed engine left mounted would make the removal of its data fail half-way. */
async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${folder}/`))
    .toSorted((a, b) => b.length - a.length);
  for (const path of mounts) await attempt(['umount', path]);
}
