/** Logs of a container as lines. */
import * as z from 'zod';

import { OpsError } from '../../core/errors.ts';
import type { LogLine, LogQuery } from '../../core/ports/engine.ts';
import { named, type Call, type DockerClient } from './client.ts';
import { badAnswer, networkFailure } from './failures.ts';
import { framedLines, rawLines } from './log-lines.ts';

/** The engine must send something within this time, unless the log is followed. */
const IDLE_MS = 5000;

const inspected = z.object({ Id: z.string(), Config: z.object({ Tty: z.boolean() }) });

/**
 * Streams a container's log, at the pace at which it is consumed. Following ends when the container ends or
 * the signal is aborted, which is no error. Bytes that are no UTF-8 come as U+FFFD.
 * @throws NOT_FOUND, REJECTED when its log driver cannot be read, TIMED_OUT
 */
export async function* readLogs(docker: DockerClient, id: string, query: LogQuery): AsyncGenerator<LogLine> {
  const { signal, follow = false } = query;
  const stopped = (): boolean => signal?.aborted === true;
  if (stopped()) return;
  const base = `/containers/${named('container', id)}`;
  const call: Call = {
    path: `${base}/logs`,
    query: {
      stdout: true,
      stderr: true,
      timestamps: true,
      follow,
      tail: query.tail,
      since: query.since === undefined ? undefined : unixSeconds(query.since),
      until: query.until === undefined ? undefined : unixSeconds(query.until),
    },
    asked: `show the log of container ${id}`,
    thing: `container ${id}`,
    signal,
  };
  try {
    const { Id, Config } = await docker.json({ ...call, path: `${base}/json`, query: {} }, inspected);
    const response = await docker.stream(call);
    const lines = Config.Tty ? rawLines() : framedLines();
    const end = (): void => void response.destroy();
    signal?.addEventListener('abort', end, { once: true });
    if (stopped()) end();
    try {
      const chunks = (response as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
      for (;;) {
        const next = await (follow ? chunks.next() : inTime(chunks.next(), end));
        if (next === 'late')
          throw networkFailure(docker.host, call, new Error('idle'), { expired: true, aborted: false, ms: IDLE_MS });
        for (const line of next.done === true ? lines.flush() : lines.push(next.value))
          yield { container: Id, ...line };
        if (next.done === true) return;
      }
    } finally {
      signal?.removeEventListener('abort', end);
      response.destroy();
    }
  } catch (error) {
    if (stopped()) return;
    if (error instanceof OpsError) throw error;
    if (error instanceof RangeError) throw badAnswer(docker.host, call, 'it is not framed', error);
    throw networkFailure(docker.host, call, error as NodeJS.ErrnoException, { expired: false, aborted: false, ms: 0 });
  }
}

/** The last lines of a container's log, for whoever asks why it failed; none when it cannot be read, which explains nothing. */
export async function lastLines(docker: DockerClient, id: string, count: number): Promise<string[]> {
  const log: string[] = [];
  try {
    for await (const line of readLogs(docker, id, { tail: count })) log.push(line.text);
  } catch {
    // what else is known is still told
  }
  return log;
}

async function inTime<T>(work: Promise<T>, late: () => void): Promise<T | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => {
      resolve('late');
      late();
    }, IDLE_MS);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}

/** Unix seconds as the API takes them, with the fraction kept to the nanosecond. @throws USAGE for what is no time */
export function unixSeconds(text: string): string {
  if (/^\d+(\.\d+)?$/.test(text)) return text;
  const ms = Date.parse(text);
  if (Number.isNaN(ms))
    throw new OpsError('USAGE', `${text} is not a time`, { hint: 'Give a time such as 2025-01-31T08:00:00Z.' });
  const [, fraction = '0'] = /\.(\d{1,9})/.exec(text) ?? [];
  return `${Math.floor(ms / 1000)}.${fraction.padEnd(9, '0')}`;
}
