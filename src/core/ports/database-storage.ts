/** What a PostgreSQL server keeps, and what is counted of it: parts of a look at a database. */

/** A table, or a materialized view, and what its statistics count. Names are quoted where SQL wants it. */
export interface Table {
  /** `public.orders`. */
  name: string;
  isMaterialized: boolean;
  /** Of the rows themselves, of values kept out of line, of all indexes. */
  bytes: number;
  toastBytes: number;
  indexBytes: number;
  /** A size is the one that the catalog remembers, because to ask for it would have meant to wait for a lock. */
  isEstimated: boolean;
  /** As of the last VACUUM or ANALYZE; absent before. */
  rows?: number;
  liveRows: number;
  deadRows: number;
  /** Since the last ANALYZE. */
  modifiedRows: number;
  sequentialScans: number;
  sequentialRows: number;
  indexScans: number;
  /** Blocks found in shared buffers, and those that were not. */
  hits: number;
  reads: number;
  indexHits: number;
  indexReads: number;
  /** By hand or by autovacuum, ISO; absent where never. */
  vacuumedAt?: string;
  analyzedAt?: string;
  /** Dead rows from which on autovacuum comes. */
  vacuumThreshold: number;
  isAutovacuumed: boolean;
  /** Age of its oldest unfrozen transaction id. */
  xidAge?: number;
}

export interface Tables {
  /** The largest; how many there are, and their bytes together. */
  tables: Table[];
  count: number;
  bytes: number;
}

export interface Index {
  name: string;
  table: string;
  /** `btree`, `gin`, … */
  method: string;
  bytes: number;
  isEstimated: boolean;
  isUnique: boolean;
  isValid: boolean;
  /** It is being built right now. */
  isBuilding: boolean;
  /** Somebody works on its table in a way that may be a concurrent build, or what is built is hidden from this role. */
  mayBeBuilding: boolean;
  /** A constraint or the replication needs it, whether it is read or not. */
  isNeeded: boolean;
  /** Names of its columns in order. */
  columns: string[];
  /** By key column: operator class, collation and order. */
  kinds: string[];
  /** Its expressions and its predicate, to be compared only. */
  condition: string;
  /** It has neither expressions nor a predicate. */
  isPlain: boolean;
  scans: number;
  /** When it was last used, ISO; from 16 on. */
  usedAt?: string;
  /** The index of the partitioned table that it belongs to, and figures of all of that one's parts together. */
  partOf?: { name: string; table: string; bytes: number; scans: number; usedAt?: string };
}

export interface Indexes {
  /** The largest, and how many there are. */
  indexes: Index[];
  count: number;
  /** Since when scans are counted, ISO: a reset, or a crash, which discards them; absent where that is not known. */
  since?: string;
}

/** A foreign key that no index helps: to look for the rows that refer to one is to read the whole table. */
export interface ForeignKey {
  table: string;
  columns: string[];
  /** The table that it refers to. */
  references: string;
}

/** A database of the server, and what is counted of it. */
export interface DatabaseUse {
  name: string;
  /** The one that the role is connected to. */
  isCurrent: boolean;
  /** Blocks found in shared buffers, and those that were not. */
  hits: number;
  reads: number;
  /** Written by sorts and hashes that found no room in work_mem. */
  tempFiles: number;
  tempBytes: number;
  /** Since when it is counted, ISO: a reset, or a crash; absent where that is not known. */
  since?: string;
  /** Age of the oldest unfrozen transaction id, and of the oldest multixact id. */
  xidAge: number;
  multixactAge: number;
}

/** A VACUUM that runs. */
export interface Vacuum {
  pid: number;
  table: string;
  /** Such as `scanning heap`; absent where it is hidden from this role. */
  phase?: string;
  /** Share of the table that was scanned. */
  scanned?: number;
  /** How often it went through the indexes; more than once says that its memory is too small. */
  indexRounds?: number;
  isAuto: boolean;
  /** To prevent wraparound: it does not give way to others. */
  isForced: boolean;
  ms?: number;
}

/** Who holds back what VACUUM may remove. */
export interface OldestXmin {
  kind: 'session' | 'replica' | 'slot' | 'prepared transaction';
  /** Application or role, name of the slot, identifier of the prepared transaction. */
  name: string;
  pid?: number;
  state?: string;
  /** How many transactions ago its snapshot was taken. */
  xidAge: number;
  ms?: number;
}

/** How full the pages of a table or index can be, from statistics; of a btree index `table` is whose it is. */
export interface Fill {
  name: string;
  table?: string;
  /** Absent where they were never counted. */
  rows?: number;
  pages: number;
  blockSize: number;
  /** Share of a page that is filled by intention. */
  fillFactor: number;
  columns: number;
  /** Columns with statistics; fewer than `columns` where it was never analysed. */
  knownColumns: number;
  /** Mean bytes of a row's values. */
  width: number;
  hasNulls: boolean;
  isReadable: boolean;
  /** When its table was last analysed, ISO; absent where that is not known. */
  analyzedAt?: string;
}

export interface Sequence {
  name: string;
  /** `smallint`, `integer` or `bigint`; so is `columnType`, the type of the column that takes its values. */
  type: string;
  min: number;
  max: number;
  increment: number;
  cycles: boolean;
  table?: string;
  column?: string;
  columnType?: string;
  isReadable: boolean;
  /** Somebody locks it, so that it was not asked. */
  isLocked: boolean;
  /** Absent before the first use, where it is hidden, and where it was not asked. */
  last?: number;
}
