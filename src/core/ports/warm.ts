/** Filling a cache by asking for what fills it, with an eye on who else is served meanwhile. */

/** What has to be in a cache: the URL whose answer puts it there, and the key by which it is seen to be there. */
export interface WarmTarget {
  url: string;
  /** In the database of the cache. Absent where nothing but the answer tells. */
  key?: string;
}

/** URLs that are asked for. */
export interface Warming {
  cache: string;
  targets: WarmTarget[];
  /** Requests at a time. */
  concurrency: number;
  /** Of one request. */
  timeoutMs: number;
  /** Slower than this, in the 99th percentile of the last requests, is too slow to go on. */
  p99Ms: number;
}

/** Reads of a cache, whoever's, in a time. */
export interface HitsSeen {
  reads: number;
  hits: number;
  ms: number;
}

/** What became of the URLs that this run has asked for. */
export interface Warmed {
  asked: number;
  /** Of those asked, by HTTP status from 400 on, or by no answer at all. */
  failed: number;
  /** Not asked for: their keys were there. */
  there: number;
  /** Answered, and their keys are not there all the same. */
  unfilled: number;
  /** 99th percentile of the last answers; null before any. */
  p99Ms: number | null;
  /** Reads of the cache before and after; null where the server does not count them. */
  before: HitsSeen | null;
  after: HitsSeen | null;
}

export interface WarmReader {
  /** Reads before anything is asked for, counted once in a run. Null where the server does not count them. */
  hitsBefore(cache: string): Promise<HitsSeen | null>;
  /** What is critical of the databases and the cache, a line each: what more questions would make worse. */
  inTheWay(cache: string): Promise<string[]>;
  /** What this run has done, and the reads since; takes as long as `hitsBefore`. */
  warmed(cache: string): Promise<Warmed>;
}

export interface WarmWriter extends WarmReader {
  /**
   * Asks for each URL whose key is not there. Slows down where a database, the services or the cache get into trouble.
   * @returns what came of it, in words
   * @throws UNSAFE where one of them is in trouble that was not before, or the answers are bad or too slow
   */
  ask(warming: Warming): Promise<string>;
}
