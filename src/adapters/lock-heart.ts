/** Signs of life of a held lock: a file in its container that holds the engine's own time. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';

import { asOpsError, OpsError } from '../core/errors.ts';
import { getArchive, putArchive } from './docker/archive.ts';
import { engineTime } from './docker/bare.ts';
import type { DockerClient } from './docker/client.ts';

const DIRECTORY = 'opsctl';
/** Two files in turn: while one is being replaced, or was left half written, the other is whole. */
const FILES = ['beat-0', 'beat-1'];

const beatSchema = z.object({ engineTime: z.number() });

/** The newest sign of life in ms of the engine's clock; undefined before the first. */
export async function readBeat(docker: DockerClient, id: string): Promise<number | undefined> {
  const files = await getArchive(docker, id, `/${DIRECTORY}`).catch((error: unknown) => {
    if (error instanceof OpsError && error.code === 'NOT_FOUND') return [];
    throw error;
  });
  const times = files.flatMap(({ data }) => {
    try {
      return [beatSchema.parse(JSON.parse(data.toString('utf8'))).engineTime];
    } catch {
      return [];
    }
  });
  return times.length === 0 ? undefined : Math.max(...times);
}

export interface Heart {
  /** Asks the engine. An error: the engine could not be asked for so long that the lock may be another's by now. */
  confirm(): Promise<'ours' | 'lost' | OpsError>;
  stop(): void;
}

/** How soon an engine that does not answer is asked again. */
const RETRY_MS = 500;
/**
 * After a silence of longer than the TTL (a suspended machine), somebody may have judged the lock stale a moment
 * before the new beat and remove it a moment after. So long is waited before it counts as ours again.
 */
const SETTLE_MS = 1500;

/** Beats until stopped. The timers do not keep the program alive. */
export function startHeart(
  docker: DockerClient,
  id: string,
  { date, ttlMs, heartbeatMs }: { date: number; ttlMs: number; heartbeatMs: number },
): Heart {
  let stopped = false;
  let gone = false;
  let count = 0;
  /** Last sign of life, by the engine's clock and by ours (which goes only forward, but stands still in suspension). */
  let last = { engine: date, own: performance.now() };
  let timer: NodeJS.Timeout | undefined;

  /** The engine's clock and whether the lock still is. */
  const look = async (): Promise<{ exists: boolean; time: number }> => {
    const { status, headers } = await docker.request({
      path: `/containers/${id}/json`,
      asked: 'confirm the lock',
      accept: [404],
    });
    return { exists: status !== 404, time: engineTime(headers.date) };
  };
  const beat = async (time: number): Promise<void> => {
    const own = performance.now();
    const name = `${DIRECTORY}/${FILES[count++ % FILES.length]}`;
    try {
      await putArchive(docker, id, '/', [{ name, data: JSON.stringify({ engineTime: time }) }]);
    } catch (error) {
      if (asOpsError(error).code === 'NOT_FOUND') gone = true;
      throw error;
    }
    last = { engine: time, own };
  };
  const live = async (): Promise<void> => {
    try {
      const { exists, time } = await look();
      if (!exists) gone = true;
      else if (!stopped) await beat(time);
    } catch {
      // The next beat tries again; whether the silence was too long is for confirm to judge.
    }
  };
  const next = (): void => {
    if (stopped || gone) return;
    timer = setTimeout(() => void live().finally(next), heartbeatMs);
    timer.unref();
  };
  next();

  const confirmOnce = async (): Promise<'ours' | 'lost'> => {
    const { exists, time } = await look();
    if (!exists) return 'lost';
    const silence = Math.max(time - last.engine, performance.now() - last.own);
    if (silence <= ttlMs / 2) return 'ours';
    await beat(time);
    if (silence <= ttlMs) return 'ours';
    await sleep(SETTLE_MS);
    return (await look()).exists ? 'ours' : 'lost';
  };

  return {
    confirm: async () => {
      for (;;) {
        if (gone) return 'lost';
        try {
          return await confirmOnce();
        } catch (thrown) {
          const error = asOpsError(thrown);
          if (error.code === 'NOT_FOUND') return 'lost';
          if (performance.now() - last.own > ttlMs) return unconfirmed(error);
          await sleep(RETRY_MS);
        }
      }
    },
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

const unconfirmed = (cause: OpsError): OpsError =>
  new OpsError('LOCKED', `the lock cannot be confirmed any more: ${cause.message}`, {
    hint: 'Once the engine answers, see who holds the lock and what was done: opsctl lock, then opsctl history.',
    cause,
  });
