import { setTimeout as sleep } from 'node:timers/promises';

import type { Platform } from '../core/platform.ts';
import type { Readers, Writers } from '../core/ports.ts';
import type { Journal } from '../core/ports/journal.ts';
import type { ConfigurationWriter } from '../core/ports/local.ts';
import type { Lock } from '../core/ports/lock.ts';
import { openBrowser } from './browser.ts';
import { openDocker } from './docker/client.ts';
import { openEngine } from './docker/engine.ts';
import { openReplicas } from './docker/replicas.ts';
import { openFiles } from './files.ts';
import { openHooks } from './hooks.ts';
import { openHttp } from './http/open.ts';
import { openJournal } from './journal.ts';
import { openLock } from './lock.ts';
import { openLoadBalancer } from './nginx.ts';
import { openDatabase } from './postgres/open.ts';
import { openMetrics } from './prometheus.ts';
import { prometheusUrl } from './prometheus-url.ts';
import { openCache } from './redis/open.ts';
import { askedTogether, type ContainerSource } from './route.ts';
import { containerVariables, openSecrets } from './secrets.ts';

/** Long enough to say goodbye to a server that listens, and to cancel what still runs there. */
const CLOSE_MS = 1500;

/** What opening the ports needs to know of the world. */
export interface OpenRequest {
  platform: Platform;
  configuration: ConfigurationWriter;
  env: Record<string, string | undefined>;
  home: string;
  /** Where this machine keeps the journal when the engine cannot. */
  stateDirectory: string;
  /** The command that runs, for servers that show who is connected. */
  command: string;
  host: string;
  pid: number;
  /** Judgement that belongs to a domain, as ports: made of the readers that were opened. */
  judges: (readers: Readers, platform: Platform) => Judges;
}

/** Ports that look through others and judge what they see. */
export type Judges = Pick<Writers, 'release' | 'warm'>;

/** The ports of one run. */
export interface OpenedPorts {
  writers: Writers;
  journal: Journal;
  lock: Lock;
  /** What the run has cost so far: time since opening, calls by port. */
  cost(): { durationMs: number; calls: Record<string, number> };
  close(): Promise<void>;
}

/**
 * Opens every port, lazily: nothing is connected, and no driver is loaded, before a port's first call. Each
 * adapter imports its own driver then.
 */
export function openPorts(request: OpenRequest): OpenedPorts {
  const { platform, env } = request;
  const began = performance.now();
  const calls: Record<string, number> = {};
  const docker = openDocker({ host: platform.engine.host, env, home: request.home });
  const engine = openEngine(docker);
  const source = askedTogether(engine);
  const secrets = openSecrets({
    env,
    directory: platform.directory,
    containerVariable: containerVariables(source, platform.compose.project),
  });
  // By the project and not the environment: two environments may name one platform, and a change of either is one of it.
  const scope = platform.compose.project;
  const database = openDatabase({ platform, source, secrets, command: request.command });
  const cache = openCache({ platform, source, secrets });
  const http = openHttp({ directory: platform.directory });
  const journal = openJournal({ docker, scope, stateDirectory: request.stateDirectory });
  const lock = openLock({ docker, scope, host: request.host, pid: request.pid });
  const counted = <T extends object>(name: string, port: T): T =>
    count(port, () => (calls[name] = (calls[name] ?? 0) + 1));
  const opened: Omit<Writers, keyof Judges> = {
    configuration: request.configuration,
    files: counted('files', openFiles({ directory: platform.directory, envFile: platform.compose.envFile })),
    engine: counted('engine', engine),
    database: counted('database', database),
    cache: counted('cache', cache),
    metrics: counted('metrics', metricsOf(platform, source, secrets)),
    http: counted('http', http),
    loadBalancer: counted('loadBalancer', openLoadBalancer({ docker: engine, files: docker, http })),
    replicas: counted('replicas', openReplicas({ docker, engine, env, home: request.home })),
    hooks: openHooks(platform, env),
    lock: counted('lock', lock),
    journal: counted('journal', journal),
    browser: openBrowser({ env }),
  };
  // A judge sees the ports that are opened here; its own place in them is the last.
  const writers: Writers = Object.assign(opened, request.judges(opened as Writers, platform));
  return {
    writers,
    journal,
    lock,
    cost: () => ({ durationMs: Math.round(performance.now() - began), calls: { ...calls } }),
    close: async () => {
      // A server that hangs must not hold up the end of a command that has its answer.
      const closed = Promise.allSettled([database.close(), cache.close()]);
      await Promise.race([closed, sleep(CLOSE_MS, undefined, { ref: false })]);
      docker.close();
    },
  };
}

function metricsOf(
  platform: Platform,
  source: ContainerSource,
  secrets: ReturnType<typeof openSecrets>,
): Writers['metrics'] {
  const { bearer, tls, service } = platform.prometheus ?? {};
  return openMetrics({
    url: () => prometheusUrl(platform, source),
    directory: platform.directory,
    ...(bearer === undefined ? {} : { bearer: () => secrets.resolve(bearer, service) }),
    ...(tls === undefined ? {} : { tls }),
    ...(service === undefined ? {} : { service }),
  });
}

/** The same port, each call counted. */
function count<T extends object>(port: T, tick: () => void): T {
  return new Proxy(port, {
    get: (target, name, receiver) => {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]): unknown => {
        tick();
        return (member as (...given: unknown[]) => unknown).apply(target, args);
      };
    },
  });
}
