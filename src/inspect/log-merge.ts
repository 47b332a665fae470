import type { LogLine } from '../core/ports/engine.ts';
import { BATCH } from './log-grep.ts';
import { earlier } from './log-times.ts';

/**
 * Lines of several containers in the order of time. One line a source is held, so memory does not grow with
 * the logs. Each source is taken to be in order itself; equal stamps keep the order of the sources.
 */
export async function* mergeByTime(sources: readonly AsyncIterable<LogLine>[]): AsyncGenerator<LogLine> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  try {
    const heads = await Promise.all(iterators.map((iterator) => iterator.next()));
    for (;;) {
      let first = -1;
      for (const [index, head] of heads.entries()) {
        if (head.done === true) continue;
        const best = heads[first];
        if (best === undefined || best.done === true || earlier(head.value.at, best.value.at) < 0) first = index;
      }
      const chosen = heads[first];
      const iterator = iterators[first];
      if (chosen === undefined || chosen.done === true || iterator === undefined) return;
      yield chosen.value;
      heads[first] = await iterator.next();
    }
  } finally {
    // The reader may stop early: then the engine must not go on sending.
    await Promise.allSettled(iterators.map(async (iterator) => iterator.return?.()));
  }
}

/** Which of at most `BATCH` lines are wanted. */
export type LineFilter = (lines: readonly LogLine[]) => LogLine[];

/** The last lines that were wanted, and how many were looked at for them. */
export interface Collected {
  lines: LogLine[];
  /** Lines read. */
  scanned: number;
  /** Lines that the filter let through. */
  matched: number;
  /** True when fewer lines are given than asked for, because they would have taken too much memory. */
  cut: boolean;
}

/** Text that is kept at most, in characters. */
const MOST_KEPT = 32 * 1024 * 1024;

/** Reads to the end and keeps the last `limit` wanted lines; memory is bounded by them, not by the logs. */
export async function lastLines(
  lines: AsyncIterable<LogLine>,
  limit: number,
  filter: LineFilter,
  mostKept = MOST_KEPT,
): Promise<Collected> {
  const kept: LogLine[] = [];
  let first = 0;
  let size = 0;
  const result = { scanned: 0, matched: 0, cut: false };
  const keep = (batch: readonly LogLine[]): void => {
    result.scanned += batch.length;
    for (const line of filter(batch)) {
      result.matched += 1;
      kept.push(line);
      size += line.text.length;
      while (kept.length - first > limit || (size > mostKept && kept.length - first > 1)) {
        result.cut ||= kept.length - first <= limit;
        size -= kept[first]?.text.length ?? 0;
        first += 1;
      }
      if (first > limit + BATCH) {
        kept.splice(0, first);
        first = 0;
      }
    }
  };
  let batch: LogLine[] = [];
  for await (const line of lines) {
    if (batch.push(line) < BATCH) continue;
    keep(batch);
    batch = [];
  }
  keep(batch);
  return { lines: kept.slice(first), ...result };
}
