/**
 * What opsctl can see and do, in operator words. A `*Reader` only looks; its writer extends it.
 * Every call has a deadline inside its adapter and throws only `OpsError`.
 * Sizes are bytes, times are milliseconds or ISO 8601 strings in UTC, shares are between 0 and 1.
 *
 * Rule for writers: a call is idempotent (doing what is already so succeeds) and its arguments are
 * JSON, because a step's calls are journalled and may be carried out by another machine.
 */
import type { CacheReader, DatabaseReader } from './ports/data.ts';
import type { CacheWriter } from './ports/cache-changes.ts';
import type { DatabaseWriter } from './ports/database-changes.ts';
import type { EngineReader, EngineWriter } from './ports/engine.ts';
import type { HttpReader } from './ports/http.ts';
import type { JournalReader } from './ports/journal.ts';
import type { LoadBalancerReader, LoadBalancerWriter } from './ports/load-balancer.ts';
import type { HookRunner } from './ports/hooks.ts';
import type { Browser, ConfigurationWriter, FilesReader, FilesWriter } from './ports/local.ts';
import type { LockReader, LockWriter } from './ports/lock.ts';
import type { MetricsReader } from './ports/metrics.ts';
import type { ReleaseReader } from './ports/release.ts';
import type { ReplicaReader, ReplicaWriter } from './ports/replicas.ts';
import type { WarmReader, WarmWriter } from './ports/warm.ts';

/** Everything that can be looked at. */
export interface Readers {
  configuration: ConfigurationWriter;
  files: FilesReader;
  engine: EngineReader;
  database: DatabaseReader;
  cache: CacheReader;
  metrics: MetricsReader;
  http: HttpReader;
  loadBalancer: LoadBalancerReader;
  replicas: ReplicaReader;
  release: ReleaseReader;
  warm: WarmReader;
  lock: LockReader;
  journal: JournalReader;
  browser: Browser;
}

/** Everything that can be changed. Reached only inside a step's `do` and `undo`. */
export interface Writers extends Readers {
  files: FilesWriter;
  engine: EngineWriter;
  database: DatabaseWriter;
  cache: CacheWriter;
  loadBalancer: LoadBalancerWriter;
  replicas: ReplicaWriter;
  hooks: HookRunner;
  warm: WarmWriter;
  lock: LockWriter;
}
