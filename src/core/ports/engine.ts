/** The Docker engine: containers, their use of resources and logs, networks, volumes. */

export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

export type ContainerHealth = 'none' | 'starting' | 'healthy' | 'unhealthy';

/** A container as a listing shows it. */
export interface Container {
  id: string;
  name: string;
  image: string;
  imageId: string;
  state: ContainerState;
  health: ContainerHealth;
  createdAt: string;
  /** Compose project and service from the labels, absent for containers that compose did not make. */
  project?: string;
  service?: string;
  labels: Record<string, string>;
  ports: PublishedPort[];
  networks: { name: string; address: string }[];
  volumes: { volume?: string; source: string; target: string; readOnly: boolean }[];
}

export interface PublishedPort {
  container: number;
  protocol: string;
  /** Absent when the port is only exposed, not published. */
  host?: { address: string; port: number };
}

/** What only an inspection tells. */
export interface ContainerDetail extends Container {
  /** Process id on the engine's host; 0 when not running. */
  pid: number;
  startedAt?: string;
  finishedAt?: string;
  exitCode: number;
  oomKilled: boolean;
  restartCount: number;
  restartPolicy: string;
  /** What it was created to be on: a network's name or id, `default`, `host`, `none`, `container:<id>`. */
  networkMode?: string;
  /** Absent without a limit. */
  memoryLimit?: number;
  /** CPUs, absent without a limit. */
  cpuLimit?: number;
  /** The newest first, at most five; output cut to 400 characters. */
  healthLog: { at: string; exitCode: number; output: string }[];
  tty: boolean;
  /** Seconds between SIGTERM and SIGKILL that it asks for (compose: `stop_grace_period`); absent when it names none. */
  stopSeconds?: number;
}

/** Resources in use now. `source` says how it was read: `cgroup` costs about nothing, `api` takes the engine a second. */
export interface Usage {
  /** CPUs in use (1 = one whole CPU), over the sample. */
  cpus: number;
  /** Without the page cache that can be dropped (what `docker stats` shows). */
  memory: number;
  memoryLimit?: number;
  /** Kinds of memory in bytes as the kernel names them: anon, file, kernel, slab, sock, shmem … */
  memoryDetail: Record<string, number>;
  /** Times the kernel killed for memory inside this container, where it counts them. */
  oomKills?: number;
  pids: number;
  networkReceived?: number;
  networkSent?: number;
  blockRead?: number;
  blockWritten?: number;
  source: 'cgroup' | 'api';
}

/** Use from a single sample: on an engine elsewhere, which samples once a second, the CPU is not in it. */
export type QuickUsage = Omit<Usage, 'cpus'> & { cpus?: number };

export interface LogLine {
  container: string;
  /** ISO 8601 with nanoseconds, as the engine stamped it. */
  at: string;
  stream: 'stdout' | 'stderr';
  text: string;
}

export interface LogQuery {
  tail?: number;
  /** ISO time or Unix seconds. */
  since?: string;
  until?: string;
  follow?: boolean;
  signal?: AbortSignal;
}

export interface Network {
  id: string;
  name: string;
  driver: string;
  scope: string;
  internal: boolean;
  createdAt: string;
  subnets: { subnet: string; gateway?: string }[];
  labels: Record<string, string>;
  /** Only when one network is asked for by name. */
  members?: { container: string; name: string; address: string }[];
}

export interface Volume {
  name: string;
  driver: string;
  mountpoint: string;
  createdAt?: string;
  labels: Record<string, string>;
  usedBy: { container: string; target: string; readOnly: boolean }[];
  /** Only when asked for with sizes; the engine has to walk the files. */
  size?: number;
}

export interface EngineInfo {
  host: string;
  name: string;
  version: string;
  apiVersion: string;
  operatingSystem: string;
  cpus: number;
  memory: number;
  /** True when the engine's files and cgroups are this machine's own. */
  local: boolean;
  dataRoot: string;
  /** The engine's clock at the answer: locks and ages are judged by it, not by ours. */
  time: string;
}

export interface DiskUsage {
  path: string;
  size: number;
  free: number;
}

export interface EngineReader {
  info(): Promise<EngineInfo>;
  /** All containers, stopped ones too; of one compose project when named. */
  containers(filter?: { project?: string }): Promise<Container[]>;
  /** @throws NOT_FOUND */
  container(idOrName: string): Promise<ContainerDetail>;
  /** Use of running containers, by id; those that stopped meanwhile are absent. */
  usage(ids: string[]): Promise<Map<string, Usage>>;
  /** The same in half the time where the engine is asked: about a second instead of two. */
  quickUsage(ids: string[]): Promise<Map<string, QuickUsage>>;
  logs(id: string, query: LogQuery): AsyncIterable<LogLine>;
  networks(): Promise<Network[]>;
  network(name: string): Promise<Network>;
  volumes(options?: { sizes?: boolean }): Promise<Volume[]>;
  volume(name: string): Promise<Volume>;
  /** The disk that holds the engine's data; undefined when the engine is remote. */
  disk(): Promise<DiskUsage | undefined>;
  /** A file of at most 1 MiB from inside a container, running or not. */
  readFile(id: string, path: string): Promise<string>;
  /** The environment and command line that a container was created with. @throws NOT_FOUND */
  startup(id: string): Promise<Startup>;
  /** Process table of a container: ids on the host, and command lines. */
  processes(id: string): Promise<{ pid: number; command: string }[]>;
  isRunning(id: string): Promise<boolean>;
  isStopped(id: string): Promise<boolean>;
  /** True when none of the other containers has an established connection to it. False also when that cannot be told. */
  isDrained(id: string, from: string[]): Promise<boolean>;
  /** How many such connections there are; absent when that cannot be told. */
  connections(id: string, from: string[]): Promise<{ established?: number }>;
  /**
   * Running and healthy; without a health check, up for some seconds.
   * @param restarts how often the engine may have started it again since it was started; default: as often as it likes
   * @throws UNSAFE at once when the container exited, restarts, or was started again more often than that
   */
  isServing(id: string, restarts?: number): Promise<boolean>;
  /**
   * Running, healthy or not, and for some seconds now.
   * @param startingMs how long a health check that has not decided yet is waited for, in ms; default: not at all
   * @throws UNSAFE at once when it exited or restarts
   */
  staysUp(id: string, startingMs?: number): Promise<boolean>;
  /** What a container that does not serve says of itself. */
  whyNotServing(id: string): Promise<NotServing>;
  hasRestartPolicy(id: string, policy: RestartPolicy): Promise<boolean>;
}

/** Why a container does not serve, for people. */
export interface NotServing {
  state: ContainerState;
  health: ContainerHealth;
  /** What its health check said last. */
  probe?: string;
  /** Its last lines of log. */
  log: string[];
}

export interface EngineWriter extends EngineReader {
  startContainer(id: string): Promise<void>;
  /** SIGTERM, then SIGKILL after the grace. */
  stopContainer(id: string, graceSeconds: number): Promise<void>;
  /** What becomes of the container when its process or the engine ends; what runs goes on undisturbed. */
  setRestartPolicy(id: string, policy: RestartPolicy): Promise<void>;
}

/** `always` starts with the engine also what was stopped on purpose, `unless-stopped` does not. */
export type RestartPolicy = 'always' | 'unless-stopped';

/** What a container was started with. Values of its environment may be secrets: never show them. */
export interface Startup {
  environment: Readonly<Record<string, string>>;
  /** Entrypoint and arguments. */
  command: readonly string[];
}
