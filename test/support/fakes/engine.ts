/** An engine in memory for tests of commands: containers with state, logs and files; it does what it is told at once. */
import { OpsError } from '../../../src/core/errors.ts';
import type {
  Container,
  ContainerDetail,
  DiskUsage,
  EngineInfo,
  EngineWriter,
  LogLine,
  Network,
  Startup,
  Usage,
  Volume,
} from '../../../src/core/ports/engine.ts';

/** A container of the fake: what an inspection tells, and what is behind it. */
export interface FakeContainer extends ContainerDetail {
  log: Omit<LogLine, 'container'>[];
  files: Record<string, string>;
  processes: { pid: number; command: string }[];
  usage?: Usage;
  started: Startup;
  /** From other containers. */
  connections: number;
}

export interface FakeEngine extends EngineWriter {
  /** Adds a container; everything but the name has a plain value. */
  add(container: Partial<FakeContainer> & { name: string }): FakeContainer;
  remove(idOrName: string): void;
  readonly all: FakeContainer[];
  readonly networkList: Network[];
  readonly volumeList: Volume[];
  facts: EngineInfo;
  diskUsage: DiskUsage | undefined;
}

const EPOCH = '2025-01-01T00:00:00.000Z';

export function fakeEngine(): FakeEngine {
  const all: FakeContainer[] = [];
  const find = (id: string): FakeContainer => {
    const found = all.find((one) => one.id === id || one.name === id || (id.length >= 4 && one.id.startsWith(id)));
    if (found === undefined)
      throw new OpsError('NOT_FOUND', `there is no container ${id} on the docker engine at fake://`);
    return found;
  };
  /** One that is not down. @throws UNSAFE */
  const up = (id: string): FakeContainer => {
    const found = find(id);
    if (!['exited', 'restarting', 'dead', 'removing'].includes(found.state)) return found;
    throw new OpsError('UNSAFE', `container ${found.name} is ${found.state} (exit code ${found.exitCode})`, {
      details: { state: found.state, exitCode: found.exitCode, log: found.log.slice(-20).map(({ text }) => text) },
    });
  };
  const listed = (one: FakeContainer): Container => {
    const { id, name, image, imageId, state, health, createdAt, project, service, labels, ports, networks, volumes } =
      one;
    const compose = { ...(project !== undefined && { project }), ...(service !== undefined && { service }) };
    return { id, name, image, imageId, state, health, createdAt, ...compose, labels, ports, networks, volumes };
  };
  const named = <T extends { name: string }>(kind: string, list: readonly T[], name: string): T => {
    const found = list.find((one) => one.name === name);
    if (found === undefined)
      throw new OpsError('NOT_FOUND', `there is no ${kind} ${name} on the docker engine at fake://`);
    return found;
  };

  const engine: FakeEngine = {
    all,
    networkList: [],
    volumeList: [],
    facts: {
      host: 'fake://',
      name: 'fake',
      version: '20.10.24',
      apiVersion: '1.41',
      operatingSystem: 'none',
      cpus: 2,
      memory: 8e9,
      local: false,
      dataRoot: '/var/lib/docker',
      time: EPOCH,
    },
    diskUsage: undefined,
    add: (given) => {
      const index = all.length + 1;
      const made: FakeContainer = {
        id: index.toString(16).padStart(64, '0').split('').reverse().join(''),
        image: 'fake:1',
        imageId: `sha256:${'0'.repeat(64)}`,
        state: 'running',
        health: 'none',
        createdAt: EPOCH,
        labels: {},
        ports: [],
        networks: [],
        volumes: [],
        pid: given.state === undefined || given.state === 'running' ? 1000 + index : 0,
        startedAt: EPOCH,
        exitCode: 0,
        oomKilled: false,
        restartCount: 0,
        restartPolicy: 'no',
        healthLog: [],
        tty: false,
        log: [],
        files: {},
        started: { environment: {}, command: ['fake'] },
        processes: [{ pid: 1000 + index, command: 'fake' }],
        connections: 0,
        ...given,
      };
      all.push(made);
      return made;
    },
    remove: (id) => void all.splice(all.indexOf(find(id)), 1),
    info: async () => engine.facts,
    containers: async (filter) =>
      all.filter((one) => filter?.project === undefined || one.project === filter.project).map(listed),
    container: async (id) => {
      const {
        log: _log,
        files: _files,
        processes: _processes,
        usage: _usage,
        started: _started,
        connections: _open,
        ...detail
      } = find(id);
      return detail;
    },
    quickUsage: (ids) => engine.usage(ids),
    usage: async (ids) => {
      const found = all.filter((one) => ids.includes(one.id) && one.state === 'running');
      return new Map(found.flatMap((one) => (one.usage === undefined ? [] : [[one.id, one.usage] as const])));
    },
    logs: async function* (id, query) {
      const { id: container, log } = find(id);
      const since = query.since === undefined ? undefined : isoOf(query.since);
      const to = query.until === undefined ? undefined : isoOf(query.until);
      const matching = log.filter(
        (line) => (since === undefined || line.at >= since) && (to === undefined || line.at <= to),
      );
      for (const line of query.tail === undefined
        ? matching
        : matching.slice(matching.length - Math.min(query.tail, matching.length))) {
        if (query.signal?.aborted === true) return;
        yield { container, ...line };
      }
    },
    networks: async () => engine.networkList.map(({ members: _members, ...network }) => network),
    network: async (name) => named('network', engine.networkList, name),
    volumes: async (options) =>
      engine.volumeList.map(({ size, ...volume }) => ({
        ...volume,
        ...(options?.sizes === true && size !== undefined && { size }),
      })),
    volume: async (name) => named('volume', engine.volumeList, name),
    disk: async () => engine.diskUsage,
    readFile: async (id, path) => {
      const text = find(id).files[path];
      if (text === undefined) throw new OpsError('NOT_FOUND', `there is no file ${path} in container ${id}`);
      return text;
    },
    startup: async (id) => find(id).started,
    processes: async (id) => {
      const found = find(id);
      if (found.state !== 'running')
        throw new OpsError(
          'REJECTED',
          `the docker engine refused to list the processes of container ${id}: it does not run`,
        );
      return found.processes;
    },
    isRunning: async (id) => find(id).state === 'running',
    isDrained: async (id) => find(id).connections === 0,
    connections: async (id) => ({ established: find(id).connections }),
    isStopped: async (id) => ['created', 'exited', 'dead'].includes(find(id).state),
    staysUp: async (id) => up(id).state === 'running',
    isServing: async (id, restarts = Infinity) => {
      const found = up(id);
      if (found.restartCount > restarts)
        throw new OpsError('UNSAFE', `container ${found.name} ended and was started again`);
      return found.state === 'running' && (found.health === 'none' || found.health === 'healthy');
    },
    whyNotServing: async (id) => {
      const { state, health, log } = find(id);
      return { state, health, log: log.slice(-20).map(({ text }) => text) };
    },
    startContainer: async (id) => void Object.assign(find(id), { state: 'running' }),
    stopContainer: async (id) => {
      const found = find(id);
      if (found.state !== 'created') Object.assign(found, { state: 'exited', pid: 0 });
    },
    hasRestartPolicy: async (id, policy) => find(id).restartPolicy === policy,
    setRestartPolicy: async (id, policy) => void Object.assign(find(id), { restartPolicy: policy }),
  };
  return engine;
}

const isoOf = (time: string): string =>
  /^\d/.test(time) && !time.includes('T') ? new Date(Number(time) * 1000).toISOString() : time;
