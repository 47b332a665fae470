/** What a Redis or Valkey server tells of itself, part by part: what the `cache` commands are made of. */
import type { Had } from './had.ts';

/** The server as it was when it was asked. What it hides from this user is absent. */
export interface CacheServer {
  product: 'redis' | 'valkey';
  /** Empty where nothing tells it. */
  version: string;
  role: string;
  /** It is one node of a cluster, and tells of its own keys only. */
  isClustered?: boolean | undefined;
  /** How many replicas are connected to it. */
  replicas?: number | undefined;
  /** The user that asks. */
  user: string;
  /** `noeviction`, `allkeys-lru`, … */
  policy?: string | undefined;
  uptimeMs?: number | undefined;
  /** The one that the platform uses, as configured. */
  database: number;
  /** Databases with keys; absent where INFO is forbidden. */
  databases?: { index: number; keys: number; expiring: number }[] | undefined;
}

export interface CacheMemory {
  used: number;
  /** Null without a limit. */
  limit: number | null;
  peak?: number | undefined;
  /** As the kernel counts it. */
  resident?: number | undefined;
  /** Of the machine. */
  system?: number | undefined;
  /** Of which are the keys and values themselves, and what the server had at its start. */
  dataset?: number | undefined;
  startup?: number | undefined;
  clients?: number | undefined;
  replicas?: number | undefined;
  backlog?: number | undefined;
  appendBuffer?: number | undefined;
  scripts?: number | undefined;
  /** Allocated against what the allocator holds for it. */
  allocatorFragmentation?: number | undefined;
  allocatorWaste?: number | undefined;
  evicted: number;
  /** Commands that were refused for want of memory, since the start; absent where that is not counted (before 6.2). */
  refused?: number | undefined;
  /** Clients that are connected; for their mean. */
  connected?: number | undefined;
}

/** Counted since the start, or since CONFIG RESETSTAT. */
export interface CacheTraffic {
  hits: number;
  misses: number;
  evicted: number;
  expired: number;
  commands: number;
}

export interface CachePersistence {
  isLoading: boolean;
  isSaving: boolean;
  lastSaveOk: boolean;
  lastSaveAt?: string | undefined;
  /** How long the last save took; absent before the first. */
  lastSaveMs?: number | undefined;
  changes: number;
  /** Whether it saves by itself, and when it ends; absent where its settings may not be read. */
  saves?: boolean | undefined;
  appends: boolean;
  lastAppendOk: boolean;
  /** Commands that were refused because what is written does not get to disk, since the start; absent as in CacheMemory. */
  refused?: number | undefined;
  /** How long the last fork stopped the server; 0 before the first. */
  forkMs: number;
  /** Memory that was copied during the last save, because it was written to meanwhile. */
  copied: number;
  used: number;
}

/** A command that took long. Of its arguments the first key at most: the others may be values. */
export interface SlowCommand {
  at: string;
  ms: number;
  /** In capitals: `HGETALL`, `CONFIG GET`. */
  command: string;
  key?: string | undefined;
  /** How many arguments it has. */
  length: number;
  client: string;
}

export interface SlowLog {
  commands: SlowCommand[];
  /** What is logged: from this time on; absent where CONFIG is forbidden, null where nothing is. */
  fromMs?: number | null | undefined;
}

export interface CacheLatency {
  /** Round trips, one after the other, in ms. */
  pings: number[];
  /** Of the latency monitor; absent where it may not be asked. */
  events?: { name: string; at: string; lastMs: number; mostMs: number }[] | undefined;
  /** What the monitor watches for; 0 where it is off, absent where CONFIG is forbidden. */
  monitorMs?: number | undefined;
  /** What was counted of each command. */
  commands: CommandUse[];
}

export interface CommandUse {
  name: string;
  calls: number;
  totalMs: number;
  failed: number;
  p50Ms?: number | undefined;
  p99Ms?: number | undefined;
}

export interface CacheClient {
  id: string;
  address: string;
  /** The name that it gave itself, or that of its library; empty without. */
  name: string;
  user: string;
  ageMs: number;
  idleMs: number;
  /** Letters, as CLIENT LIST gives them. */
  flags: string;
  command: string;
  subscriptions: number;
  /** Answers that it has not read yet. */
  outputBytes: number;
  memory: number;
}

export interface CacheClients {
  clients: CacheClient[];
  limit?: number | undefined;
  /** Connections that were refused for want of room, since the start. */
  rejected?: number | undefined;
}

/** A key as it is shown: text from outside, made printable and cut. Its value is never read. */
export interface Key {
  name: string;
  /** The database that it is in. */
  database: number;
  /** `string`, `hash`, …; asked of the few that are shown. */
  type?: string | undefined;
  bytes?: number | undefined;
  /** Members, fields or entries; absent for a string. */
  elements?: number | undefined;
  /** Null for a key that does not expire. */
  expiresMs?: number | null | undefined;
  /** Logarithmic counter of its use, 0 to 255, under an LFU policy. */
  heat?: number | undefined;
}

/** Keys whose names have the same form: `session:*`. */
export interface KeyGroup {
  form: string;
  keys: number;
  bytes: number;
  elements: number;
  expiring: number;
}

/** What is asked of each key: the less, the cheaper. */
export type KeyFact = 'bytes' | 'elements' | 'expiry' | 'heat';

export interface ScanRequest {
  facts: readonly KeyFact[];
  /** Whether keys are told by the form of their names, too. */
  groups: boolean;
  /** The scan ends at whichever comes first. */
  keys: number;
  ms: number;
  /** Where an earlier scan ended. */
  cursor?: string | undefined;
  /** Only keys whose names match it; others are passed over, and count nowhere. */
  pattern?: string | undefined;
  /** Only those of this database; absent: of all of them. */
  database?: number | undefined;
  /** How many keys of each order are kept. */
  top: number;
}

export interface KeyScan {
  scanned: number;
  /** How many there are in the databases that it was about; absent where nothing tells it. */
  total?: number | undefined;
  /** Where to go on; absent at the end. */
  cursor?: string | undefined;
  ended: 'all' | 'keys' | 'time' | 'latency';
  /** Round trips before and at the end, in the middle. */
  latencyMs: { before: number; after: number };
  ms: number;
  commands: number;
  /** The server counts what was looked at as used: it does not know CLIENT NO-TOUCH (before 7.2), or forbids it. */
  touched: boolean;
  /** What could not be asked of keys, and what mends it. */
  lacks: { fact: KeyFact; reason: string; fix: string[] }[];
  /** The first of each order. */
  byBytes: Key[];
  byElements: Key[];
  byHeat: Key[];
  /** The largest groups, and how many there are; none where they were not asked for. */
  groups: KeyGroup[];
  groupCount: number;
  bytes: number;
  elements: number;
  /** Keys that do not expire, and others by when they do; none where it was not asked for. */
  lasting: number;
  expiring: { withinMs: number | null; keys: number }[];
}

/** By name: what each part is. */
export interface CacheParts {
  memory: CacheMemory;
  traffic: CacheTraffic;
  persistence: CachePersistence;
  slowlog: SlowLog;
  latency: CacheLatency;
  clients: CacheClients;
  scan: KeyScan;
}
export type CachePart = keyof CacheParts;

/** What a look found. */
export interface CacheLook<P extends CachePart = CachePart> {
  server: CacheServer;
  /** When it was asked, ISO. */
  at: string;
  parts: { [K in P]: Had<CacheParts[K]> };
}
