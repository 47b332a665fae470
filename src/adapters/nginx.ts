/**
 * nginx in a container, through the engine. A reload is a signal to the container's main process: no exec, nothing
 * that the container would have to contain. Whether it happened is seen in the process table, because neither the
 * signal nor `nginx -s reload` tells: a master that cannot load its file logs so and keeps its old workers.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { OpsError } from '../core/errors.ts';
import type { HttpReader } from '../core/ports/http.ts';
import type { LoadBalancerWriter } from '../core/ports/load-balancer.ts';
import { sameRoute } from '../core/routing.ts';
import type { DockerClient } from './docker/client.ts';
import type { ExecResult } from './docker/exec.ts';
import { type ContainerProcesses, findMaster, inTheWay } from './nginx-master.ts';
import {
  forgetRouting,
  isPending,
  knownRouting,
  type Reach,
  readRouting,
  withdrawSwitch,
  writeRouting,
} from './nginx-routing.ts';
import { confirm, probe } from './nginx-probe.ts';
import { knownToken, openTokens, placeSnippets, readSnippet, restore } from './nginx-snippets.ts';
import { isAcceptingWorker, testArguments } from './nginx-processes.ts';

/** `nginx -t` takes some 10 ms, but it resolves every upstream name, and a resolver that is ill takes seconds for each. */
const TEST_TIMEOUT_MS = 15_000;
/** `mv` and `rm` of a few small files. */
const EXEC_TIMEOUT_MS = 5000;
/** How long the workers may take to be replaced when files were put back, and how often that is looked at, in ms. */
const LOAD_MS = 30_000;
const LOOK_MS = 100;
/** Bytes of configuration that are read. */
const CONFIGURATION_LIMIT = 2 * 1024 * 1024;
/** Characters of its output that are kept; the mistake stands at the end. */
const OUTPUT_LIMIT = 4000;

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
  const reach: Reach = { docker: files, exec, seen: new Map() };
  const withToken = openTokens(files);
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

  const workersReplaced: LoadBalancerWriter['workersReplaced'] = async (container, before) => {
    const now = await workers(container);
    return now.length > 0 && !now.some((pid) => before.includes(pid));
  };

  const loaded: LoadBalancerWriter['loaded'] = async (container, directory, request) => {
    const token = await knownToken(files, container, directory);
    const known = token === undefined ? undefined : await confirm(http, token, { ...request, colour: 'blue' });
    return known === undefined ? {} : { digest: known.digest };
  };

  /** Reloads it where that can be done; where it cannot, nothing else of opsctl has done it. @throws TIMED_OUT */
  const load = async (container: string): Promise<void> => {
    if ((await inTheWay(docker, container)) !== undefined) return;
    const before = await workers(container);
    await docker.signal(container, 'HUP');
    const until = performance.now() + LOAD_MS;
    while (!(await workersReplaced(container, before))) {
      if (performance.now() > until)
        throw new OpsError('TIMED_OUT', `nginx in container ${container} was told to reload and kept its workers`, {
          hint: 'See what it runs with: opsctl lb check',
        });
      await sleep(LOOK_MS);
    }
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

    workersReplaced,

    routing: (container, directory) => readRouting(reach, { id: container, directory }),

    isRouted: async (container, directory, route) => {
      const now = await readRouting(reach, { id: container, directory });
      return now !== undefined && sameRoute(now, route);
    },

    hasNotSwitched: async (container, directory, route) => {
      // In this order: a switch that is not pending any more is seen by where traffic goes.
      if (await isPending(reach, { id: container, directory })) return false;
      const now = await readRouting(reach, { id: container, directory });
      return now !== undefined && !sameRoute(now, route);
    },

    hasSnippets: async (container, directory, wanted) => {
      for (const { name, text } of wanted)
        if (((await readSnippet(files, container, directory, name)) ?? null) !== text) return false;
      return true;
    },

    snippet: (container, directory, name) => readSnippet(files, container, directory, name),

    probe: (container, directory, request) =>
      withToken({ id: container, directory }, (token) => probe(http, token, request)),

    loaded,

    runs: async (container, directory, digest, request) =>
      (await loaded(container, directory, request)).digest === digest,

    canSwitch: async (container) => {
      // Of itself to itself: busybox that knows no -T says so, as does a container without mv.
      const { stderr, exitCode } = await exec(container, ['mv', '-T', '/nonexistent-opsctl', '/nonexistent-opsctl-2']);
      return exitCode === 1 && !/unrecognized|invalid|unknown option|illegal/i.test(stderr);
    },

    route: async (container, directory, route) => {
      await withdrawSwitch(reach, { id: container, directory });
      // What is there and is not ours is replaced: routing by it is not possible either.
      const now = await knownRouting(reach, { id: container, directory });
      if (now !== undefined && sameRoute(now, route)) return;
      await writeRouting(reach, { id: container, directory }, now?.generation ?? 0, route);
    },

    unroute: async (container, directory) => {
      await withdrawSwitch(reach, { id: container, directory });
      await forgetRouting(reach, { id: container, directory });
    },

    writeSnippets: (container, directory, snippets) => placeSnippets(reach, { id: container, directory }, snippets),

    restoreSnippets: (container, directory, wanted) =>
      restore(
        {
          read: (name) => readSnippet(files, container, directory, name),
          place: (some) => placeSnippets(reach, { id: container, directory }, some),
          test: () => checkConfiguration(container),
          load: () => load(container),
        },
        wanted,
      ),

    reload: async (container) => {
      const main = await inTheWay(docker, container);
      if (main !== undefined) {
        // A supervisor takes HUP for itself and may restart all that it runs; a shell dies of it.
        throw new OpsError(
          'UNSAFE',
          `nginx is not the main process of container ${container}, and what is does not pass signals on`,
          { hint: `Reload it by hand: docker exec ${container} nginx -s reload`, details: { main } },
        );
      }
      await docker.signal(container, 'HUP');
    },
  };
}
