/**
 * nginx in a container, through the engine. A reload is a signal to the container's main process: no exec, nothing
 * that the container would have to contain. Whether it happened is seen in the process table, because neither the
 * signal nor `nginx -s reload` tells: a master that cannot load its file logs so and keeps its old workers.
 */
import { posix } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { OpsError } from '../core/errors.ts';
import type { HttpReader } from '../core/ports/http.ts';
import type { LoadBalancerWriter } from '../core/ports/load-balancer.ts';
import { sameRoute } from '../core/routing.ts';
import type { DockerClient } from './docker/client.ts';
import type { ExecResult } from './docker/exec.ts';
import { readRouting, writeRouting } from './nginx-routing.ts';
import { confirm, probe } from './nginx-probe.ts';
import { readSnippet, readToken, writeSnippets } from './nginx-snippets.ts';
import { isAcceptingWorker, isMaster, testArguments, type Process } from './nginx-processes.ts';

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

/** `nginx -t` takes some 10 ms, but it resolves every upstream name, and a resolver that is ill takes seconds for each. */
const TEST_TIMEOUT_MS = 15_000;
/** `mv` and `rm` of a few small files. */
const EXEC_TIMEOUT_MS = 5000;
/** Bytes of configuration that are read. */
const CONFIGURATION_LIMIT = 2 * 1024 * 1024;
/** Characters of its output that are kept; the mistake stands at the end. */
const OUTPUT_LIMIT = 4000;

/** Programs that hand the signals which they get, HUP too, to their child: tini (also as docker-init), dumb-init, catatonit. */
const FORWARDS_SIGNALS = /^(?:\S*\/)?(?:tini|tini-static|docker-init|dumb-init|catatonit)(?: |$)/;

/** What the load balancer is reached through. */
export interface LoadBalancerSource {
  docker: ContainerProcesses;
  /** The engine's archive API. */
  files: DockerClient;
  http: HttpReader;
}

/** Looks at nginx in containers, reloads it and tells it where traffic goes. */
export function openLoadBalancer({ docker, files, http }: LoadBalancerSource): LoadBalancerWriter {
  const exec = (id: string, argv: string[]): Promise<ExecResult> =>
    docker.exec(id, argv, { timeoutMs: EXEC_TIMEOUT_MS });
  const workers = async (container: string): Promise<number[]> =>
    (await docker.processes(container)).filter((one) => isAcceptingWorker(one.command)).map((one) => one.pid);

  const checkConfiguration: LoadBalancerWriter['checkConfiguration'] = async (container) => {
    const { master } = await findMaster(docker, container);
    const argv = testArguments(master.command);
    const { exitCode, stdout, stderr } = await docker.exec(container, argv, { timeoutMs: TEST_TIMEOUT_MS });
    if (exitCode === 126 || exitCode === 127) {
      throw new OpsError('NOT_FOUND', `the program ${argv[0] ?? ''} cannot be run in container ${container}`, {
        details: { exitCode },
      });
    }
    return { ok: exitCode === 0, output: `${stderr}${stdout}`.trim().slice(-OUTPUT_LIMIT) };
  };

  return {
    checkConfiguration,

    loads: async (container) => (await checkConfiguration(container)).ok,

    configuration: async (container) => {
      const { master } = await findMaster(docker, container);
      const argv = testArguments(master.command).map((word) => (word === '-t' ? '-T' : word));
      const options = { timeoutMs: TEST_TIMEOUT_MS, outputLimit: CONFIGURATION_LIMIT };
      const { exitCode, stdout, stderr } = await docker.exec(container, argv, options);
      if (exitCode === 0) return stdout;
      throw new OpsError('UNSAFE', `the configuration of nginx in container ${container} does not load`, {
        hint: 'Mend what nginx names above, then run: opsctl lb check',
        details: { nginx: stderr.trim().slice(-OUTPUT_LIMIT) },
      });
    },

    version: async (container) => {
      const { master } = await findMaster(docker, container);
      const [program = 'nginx'] = testArguments(master.command);
      const { stderr, stdout } = await exec(container, [program, '-v']);
      const [, found] = /\/(\d+\.\d+\.\d+)/.exec(`${stderr}${stdout}`) ?? [];
      if (found !== undefined) return found;
      throw new OpsError('BAD_ANSWER', `nginx in container ${container} does not say its version`);
    },

    workers,

    workersReplaced: async (container, before) => {
      const now = await workers(container);
      return now.length > 0 && !now.some((pid) => before.includes(pid));
    },

    routing: (container, directory) => readRouting(files, container, directory),

    isRouted: async (container, directory, route) => {
      const now = await readRouting(files, container, directory);
      return now !== undefined && sameRoute(now, route);
    },

    hasSnippets: async (container, directory, snippets) => {
      for (const { name, text } of snippets)
        if ((await readSnippet(files, container, directory, name)) !== text) return false;
      return true;
    },

    snippet: (container, directory, name) => readSnippet(files, container, directory, name),

    lacksSnippets: async (container, directory, names) => {
      for (const name of names) if ((await readSnippet(files, container, directory, name)) !== undefined) return false;
      return true;
    },

    probe: async (container, directory, request) => {
      const token = await readToken(files, container, directory);
      return await probe(http, token, request);
    },

    loaded: async (container, directory, request) => {
      const token = await readToken(files, container, directory).catch((thrown: unknown) => {
        if (thrown instanceof OpsError && thrown.code === 'UNSAFE') return undefined;
        throw thrown;
      });
      if (token === undefined) return undefined;
      return (await confirm(http, token, { ...request, colour: 'blue' }))?.digest;
    },

    canSwitch: async (container) => {
      // Of itself to itself: busybox that knows no -T says so, as does a container without mv.
      const { stderr, exitCode } = await exec(container, ['mv', '-T', '/nonexistent-opsctl', '/nonexistent-opsctl-2']);
      return exitCode === 1 && !/unrecognized|invalid|unknown option|illegal/i.test(stderr);
    },

    route: async (container, directory, route) => {
      // What is there and is not ours is replaced: routing by it is not possible either.
      const now = await readRouting(files, container, directory).catch((thrown: unknown) => {
        if (thrown instanceof OpsError && thrown.code === 'BAD_ANSWER') return undefined;
        throw thrown;
      });
      if (now !== undefined && sameRoute(now, route)) return;
      await writeRouting({ docker: files, exec }, { id: container, directory }, now?.generation ?? 0, route);
    },

    writeSnippets: (container, directory, snippets) => writeSnippets(files, container, directory, snippets),

    removeSnippets: async (container, directory, names) => {
      const { exitCode, stderr } = await exec(container, [
        'rm',
        '-f',
        ...names.map((name) => posix.join(directory, name)),
      ]);
      if (exitCode !== 0)
        throw new OpsError('REJECTED', `files of opsctl cannot be removed in container ${container}`, {
          details: { said: stderr.slice(0, 500) },
        });
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
