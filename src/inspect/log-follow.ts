import { setTimeout as sleep } from 'node:timers/promises';

import { asOpsError } from '../core/errors.ts';
import type { Container, EngineReader, LogLine } from '../core/ports/engine.ts';
import { earlier } from './log-times.ts';

/** What following is about. */
export interface Following {
  engine: Pick<EngineReader, 'logs'>;
  /** The containers as they are now; asked again and again, so that replicas that come later are followed too. */
  list: () => Promise<Container[]>;
  tail: number;
  since: string | undefined;
  signal: AbortSignal;
  /** How long a line waits for an earlier one of another container. */
  windowMs?: number;
  pollMs?: number;
}

/** Lines in order of time, or something to know about a container. */
export type Followed = { lines: LogLine[] } | { notice: string; container: string };

/** Lines held at most; beyond, sources wait until some have been taken. */
const MOST_HELD = 5000;

/**
 * Follows the logs of containers until the signal. Lines of several containers arrive in any order: each is
 * held for a moment and then given in order of time. A container that stops is taken up again where its log
 * ended when it starts again, and new replicas are joined from their first line.
 */
export async function* followLogs(following: Following): AsyncGenerator<Followed> {
  const { engine, list, tail, since, signal, windowMs = 200, pollMs = 2000 } = following;
  const held: { line: LogLine; arrived: number }[] = [];
  const notices: Followed[] = [];
  const lastAt = new Map<string, string>();
  const running = new Map<string, Promise<void>>();
  const seen = new Map<string, { name: string; up: boolean }>();
  /** What was last said of each container whose log could not be read; the engine's own under ''. */
  const failures = new Map<string, string>();
  const noticeFailure = (of: { id: string; name: string }, message: string, ending = ''): void => {
    if (failures.get(of.id) !== message) notices.push({ container: of.name, notice: `${message}${ending}` });
    failures.set(of.id, message);
  };
  /** From here a log is taken up again of which nothing was seen yet. */
  const startedAt = new Date().toISOString();
  const firstOnes = new Set<string>();

  const pump = async (container: Container, from: { tail?: number; since?: string }): Promise<void> => {
    const start = lastAt.get(container.id);
    try {
      for await (const line of engine.logs(container.id, { ...from, follow: true, signal })) {
        while (held.length >= MOST_HELD && !signal.aborted) await sleep(windowMs / 4);
        if (signal.aborted) return;
        failures.delete(container.id);
        // The engine gives lines of the very moment again.
        if (start !== undefined && earlier(line.at, start) <= 0) continue;
        lastAt.set(container.id, line.at);
        held.push({ line, arrived: performance.now() });
      }
    } catch (thrown) {
      if (!signal.aborted) noticeFailure(container, asOpsError(thrown).message);
    }
  };
  const join = (container: Container, first: boolean): void => {
    if (running.has(container.id)) return;
    // Of those that were there from the start older lines were not asked for, of those that came later all are.
    const resume = lastAt.get(container.id) ?? (firstOnes.has(container.id) ? startedAt : undefined);
    if (first) firstOnes.add(container.id);
    const from =
      resume !== undefined ? { since: resume } : first ? { tail, ...(since === undefined ? {} : { since }) } : {};
    const work = pump(container, from).finally(() => running.delete(container.id));
    running.set(container.id, work);
  };
  const look = async (first: boolean): Promise<void> => {
    const containers = await list();
    for (const container of containers) {
      const up = container.state === 'running' || container.state === 'paused';
      const before = seen.get(container.id);
      if (!first && before === undefined) notices.push({ container: container.name, notice: 'appeared' });
      if (before?.up === true && !up)
        notices.push({ container: container.name, notice: `is ${container.state} now; waiting for it to start` });
      if (before?.up === false && up) notices.push({ container: container.name, notice: 'started again' });
      seen.set(container.id, { name: container.name, up });
      if (first || up || before === undefined) join(container, first);
    }
    const present = new Set(containers.map(({ id }) => id));
    for (const [id, { name }] of seen) {
      if (present.has(id)) continue;
      seen.delete(id);
      failures.delete(id);
      notices.push({ container: name, notice: 'was removed' });
    }
  };

  await look(true);
  let nextLook = performance.now() + pollMs;
  while (!signal.aborted) {
    await sleep(windowMs / 2, undefined, { signal }).catch(() => undefined);
    if (performance.now() >= nextLook && !signal.aborted) {
      try {
        await look(false);
        failures.delete('');
      } catch (thrown) {
        noticeFailure({ id: '', name: '' }, asOpsError(thrown).message, '; trying again');
      }
      nextLook = performance.now() + pollMs;
    }
    const lines = due(held, signal.aborted ? Infinity : performance.now() - windowMs);
    if (lines.length > 0) yield { lines };
    yield* notices.splice(0);
  }
}

/** Takes out the lines that have waited long enough, and those that are earlier than one of them. */
function due(held: { line: LogLine; arrived: number }[], arrivedBefore: number): LogLine[] {
  held.sort((a, b) => earlier(a.line.at, b.line.at));
  const last =
    held.length >= MOST_HELD ? held.length - 1 : held.findLastIndex(({ arrived }) => arrived <= arrivedBefore);
  return held.splice(0, last + 1).map(({ line }) => line);
}
