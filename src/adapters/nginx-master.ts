/** The master process of nginx in a container, and whether it can be signalled. */
import { setTimeout as sleep } from 'node:timers/promises';

import { OpsError } from '../core/errors.ts';
import type { ExecResult } from './docker/exec.ts';
import { isMaster, type Process } from './nginx-processes.ts';

/** What is needed of the engine; calls throw OpsError for a container that is absent or not running. */
export interface ContainerProcesses {
  /** Process ids are those of the engine's host; 0 when not running. */
  container(id: string): Promise<{ pid: number }>;
  processes(id: string): Promise<Process[]>;
  /** Runs a program in the container. A program that is not there gives exit code 126 or 127. */
  exec(id: string, argv: string[], options: { timeoutMs: number; outputLimit?: number }): Promise<ExecResult>;
  /** Sends a signal to the container's main process. */
  signal(id: string, name: 'HUP'): Promise<void>;
}

/** Programs that hand the signals which they get, HUP too, to their child: tini (also as docker-init), dumb-init, catatonit. */
const FORWARDS_SIGNALS = /^(?:\S*\/)?(?:tini|tini-static|docker-init|dumb-init|catatonit)(?: |$)/;

interface Found {
  master: Process;
  /** The container's main process, where the engine lists it. */
  main: Process | undefined;
}

/** A worker bears its master's title until it has set its own, some ms after a reload; this is waited before looking again. */
const FORK_MS = 250;

/**
 * The master: the container's main process, or else the only one with such a title. With several, none is believed,
 * since any process may call itself so, and what it says there decides what is run and signalled.
 */
export async function findMaster(docker: ContainerProcesses, container: string, again = true): Promise<Found> {
  const [{ pid }, processes] = await Promise.all([docker.container(container), docker.processes(container)]);
  const masters = processes.filter((one) => isMaster(one.command));
  const main = processes.find((one) => one.pid === pid);
  const master = masters.find((one) => one.pid === pid) ?? masters[0];
  if (master === undefined) {
    throw new OpsError('NOT_FOUND', `no nginx master process runs in container ${container}`, {
      hint: `Look at what runs there: docker top ${container}`,
    });
  }
  if (master.pid === pid || masters.length === 1) return { master, main };
  if (again) {
    await sleep(FORK_MS);
    return findMaster(docker, container, false);
  }
  throw new OpsError('UNSAFE', `more than one nginx master process runs in container ${container}`, {
    hint: `Look at what runs there: docker top ${container}`,
  });
}

/** The main process of a container, where that keeps signals from nginx; undefined where nginx gets them. */
export async function inTheWay(docker: ContainerProcesses, container: string): Promise<string | undefined> {
  const { master, main } = await findMaster(docker, container);
  if (master === main || FORWARDS_SIGNALS.test(main?.command ?? '')) return undefined;
  return main?.command.slice(0, 200) ?? 'unknown';
}
