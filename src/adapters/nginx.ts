/**
 * nginx in a container, through the engine. A reload is a signal to the container's main process: no exec, nothing
 * that the container would have to contain. Whether it happened is seen in the process table, because neither the
 * signal nor `nginx -s reload` tells: a master that cannot load its file logs so and keeps its old workers.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { OpsError } from '../core/errors.ts';
import type { LoadBalancerWriter } from '../core/ports/load-balancer.ts';
import { isAcceptingWorker, isMaster, testArguments, type Process } from './nginx-processes.ts';

/** What is needed of the engine; calls throw OpsError for a container that is absent or not running. */
export interface ContainerProcesses {
  /** Process ids are those of the engine's host; 0 when not running. */
  container(id: string): Promise<{ pid: number }>;
  processes(id: string): Promise<Process[]>;
  /** Runs a program in the container. A program that is not there gives exit code 126 or 127. */
  exec(
    id: string,
    argv: string[],
    options: { timeoutMs: number },
  ): Promise<{ exitCode: number; stdout: string; stderr: string }>;
  /** Sends a signal to the container's main process. */
  signal(id: string, name: 'HUP'): Promise<void>;
}

/** `nginx -t` takes some 10 ms, but it resolves every upstream name, and a resolver that is ill takes seconds for each. */
const TEST_TIMEOUT_MS = 15_000;
/** Characters of its output that are kept; the mistake stands at the end. */
const OUTPUT_LIMIT = 4000;

/** Programs that hand the signals which they get, HUP too, to their child: tini (also as docker-init), dumb-init, catatonit. */
const FORWARDS_SIGNALS = /^(?:\S*\/)?(?:tini|tini-static|docker-init|dumb-init|catatonit)(?: |$)/;

/** Looks at and reloads nginx in containers. */
export function openLoadBalancer({ docker }: { docker: ContainerProcesses }): LoadBalancerWriter {
  const workers = async (container: string): Promise<number[]> =>
    (await docker.processes(container)).filter((one) => isAcceptingWorker(one.command)).map((one) => one.pid);

  return {
    checkConfiguration: async (container) => {
      const { master } = await findMaster(docker, container);
      const argv = testArguments(master.command);
      const { exitCode, stdout, stderr } = await docker.exec(container, argv, { timeoutMs: TEST_TIMEOUT_MS });
      if (exitCode === 126 || exitCode === 127) {
        throw new OpsError('NOT_FOUND', `the program ${argv[0] ?? ''} cannot be run in container ${container}`, {
          details: { exitCode },
        });
      }
      return { ok: exitCode === 0, output: `${stderr}${stdout}`.trim().slice(-OUTPUT_LIMIT) };
    },

    workers,

    workersReplaced: async (container, before) => {
      const now = await workers(container);
      return now.length > 0 && !now.some((pid) => before.includes(pid));
    },

    reload: async (container) => {
      const { master, main } = await findMaster(docker, container);
      if (master !== main && !FORWARDS_SIGNALS.test(main?.command ?? '')) {
        // A supervisor takes HUP for itself and may restart all that it runs; a shell dies of it.
        throw new OpsError(
          'UNSAFE',
          `nginx is not the main process of container ${container}, and what is does not pass signals on`,
          {
            hint: `Reload it by hand: docker exec ${container} nginx -s reload`,
            details: { main: main?.command.slice(0, 200) ?? 'unknown' },
          },
        );
      }
      await docker.signal(container, 'HUP');
    },
  };
}

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
async function findMaster(docker: ContainerProcesses, container: string, again = true): Promise<Found> {
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
