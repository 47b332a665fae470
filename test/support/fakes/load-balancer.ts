import { OpsError } from '../../../src/core/errors.ts';
import type { LoadBalancerWriter } from '../../../src/core/ports/load-balancer.ts';

/** An nginx of the fake. */
export interface FakeNginx {
  /** Accepting workers. */
  workers: number[];
  /** The mistake in the configuration on disk, if it has one. */
  mistake?: string;
  /** How often a reload was asked for. */
  reloads: number;
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
    all.set(name, { workers: [nextPid++, nextPid++], reloads: 0, ...nginx });
  }
  const find = (name: string): FakeNginx => {
    const found = all.get(name);
    if (found === undefined) throw new OpsError('NOT_FOUND', `no nginx master process runs in container ${name}`);
    return found;
  };
  return {
    containers: all,
    checkConfiguration: async (name) => {
      const { mistake } = find(name);
      return { ok: mistake === undefined, output: mistake ?? 'syntax is ok' };
    },
    workers: async (name) => [...(all.get(name)?.workers ?? [])],
    workersReplaced: async (name, before) => {
      const now = all.get(name)?.workers ?? [];
      return now.length > 0 && !now.some((pid) => before.includes(pid));
    },
    reload: async (name) => {
      const nginx = find(name);
      nginx.reloads += 1;
      if (nginx.mistake === undefined) nginx.workers = nginx.workers.map(() => nextPid++);
    },
  };
}
