import { OpsError } from '../../../src/core/errors.ts';
import type { LoadBalancerWriter, Routing, SnippetState } from '../../../src/core/ports/load-balancer.ts';
import { sameRoute } from '../../../src/core/routing.ts';

/** An nginx of the fake. */
export interface FakeNginx {
  /** Accepting workers. */
  workers: number[];
  /** The mistake in the configuration on disk, if it has one. */
  mistake?: string;
  /** A file of opsctl without which its configuration does not load. */
  needs?: string;
  /** How often a reload was asked for. */
  reloads: number;
  /** What `nginx -T` prints. */
  configuration: string;
  version: string;
  /** False for a container whose `mv` cannot replace a link. */
  canSwitch: boolean;
  routing?: Routing;
  /** What reading where traffic goes fails with. */
  unreadable?: OpsError;
  snippets: Map<string, string>;
  /** The digest of the snippets that it runs with, as a reload finds it in them. */
  loaded?: string;
}

export interface FakeLoadBalancer extends LoadBalancerWriter {
  /** By container name; others do not exist. */
  containers: Map<string, FakeNginx>;
}

/** Load balancers in memory. As with the real one, a reload of a broken configuration is accepted and changes nothing. */
export function fakeLoadBalancer(containers: Record<string, Partial<FakeNginx>> = {}): FakeLoadBalancer {
  let nextPid = 100;
  const all = new Map<string, FakeNginx>();
  for (const [name, nginx] of Object.entries(containers)) {
    all.set(name, {
      workers: [nextPid++, nextPid++],
      reloads: 0,
      configuration: '',
      version: '1.29.3',
      canSwitch: true,
      snippets: new Map(),
      ...nginx,
    });
  }
  const find = (name: string): FakeNginx => {
    const found = all.get(name);
    if (found === undefined) throw new OpsError('NOT_FOUND', `no nginx master process runs in container ${name}`);
    return found;
  };
  const mistakeOf = ({ mistake, needs, snippets }: FakeNginx): string | undefined =>
    mistake ?? (needs === undefined || snippets.has(needs) ? undefined : `open() "${needs}" failed`);
  const load = (nginx: FakeNginx): void => {
    if (mistakeOf(nginx) !== undefined) return;
    nginx.workers = nginx.workers.map(() => nextPid++);
    const [, digest] = /return 200 "opsctl ([0-9a-f]+) /.exec([...nginx.snippets.values()].join('\n')) ?? [];
    if (digest === undefined) delete nginx.loaded;
    else nginx.loaded = digest;
  };
  const place = ({ snippets }: FakeNginx, files: readonly SnippetState[]): void => {
    for (const { name, text } of files) {
      if (text === null) snippets.delete(name);
      else snippets.set(name, text);
    }
  };
  const unasked = (): never => {
    throw new OpsError('BUG', 'the fake load balancer serves nothing that could be asked');
  };
  return {
    containers: all,
    checkConfiguration: async (name) => {
      const mistake = mistakeOf(find(name));
      return { ok: mistake === undefined, output: mistake ?? 'syntax is ok' };
    },
    loads: async (name) => mistakeOf(find(name)) === undefined,
    configuration: async (name) => find(name).configuration,
    version: async (name) => find(name).version,
    workers: async (name) => [...(all.get(name)?.workers ?? [])],
    workersReplaced: async (name, before) => {
      const now = all.get(name)?.workers ?? [];
      return now.length > 0 && !now.some((pid) => before.includes(pid));
    },
    routing: async (name) => {
      const { routing, unreadable } = find(name);
      if (unreadable !== undefined) throw unreadable;
      return routing;
    },
    isRouted: async (name, _directory, route) => {
      const { routing } = find(name);
      return routing !== undefined && sameRoute(routing, route);
    },
    hasNotSwitched: async (name, _directory, route) => {
      const { routing } = find(name);
      return routing !== undefined && !sameRoute(routing, route);
    },
    hasSnippets: async (name, _directory, files) =>
      files.every((one) => (find(name).snippets.get(one.name) ?? null) === one.text),
    snippet: async (name, _directory, file) => find(name).snippets.get(file),
    probe: async () => unasked(),
    loaded: async (name) => {
      const { loaded } = find(name);
      return loaded === undefined ? {} : { digest: loaded };
    },
    runs: async (name, _directory, digest) => find(name).loaded === digest,
    canSwitch: async (name) => find(name).canSwitch,
    reload: async (name) => {
      const nginx = find(name);
      nginx.reloads += 1;
      load(nginx);
    },
    route: async (name, _directory, route) => {
      const nginx = find(name);
      if (nginx.routing !== undefined && sameRoute(nginx.routing, route)) return;
      const generation = (nginx.routing?.generation ?? 0) + 1;
      nginx.routing = { ...route, generation, since: '2026-01-01T00:00:00.000Z' };
    },
    unroute: async (name) => {
      const nginx = find(name);
      if (nginx.routing !== undefined && sameRoute(nginx.routing, { live: {} })) delete nginx.routing;
    },
    writeSnippets: async (name, _directory, snippets) => {
      place(find(name), snippets);
    },
    restoreSnippets: async (name, _directory, files) => {
      const nginx = find(name);
      const there = files.map((one) => ({ name: one.name, text: nginx.snippets.get(one.name) ?? null }));
      const loadsNow = mistakeOf(nginx) === undefined;
      place(nginx, files);
      if (loadsNow && mistakeOf(nginx) !== undefined) {
        place(nginx, there);
        throw new OpsError('UNSAFE', 'the configuration does not load without the files of opsctl, so they stay');
      }
      load(nginx);
    },
  };
}
