/**
 * The change lock of an environment: a container on its engine that is never started. Creating it under a fixed
 * name either succeeds or is refused, which makes it a lock for all machines that use the engine. All times are
 * the engine's own, so that clients with wrong clocks do no harm.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';

import { OpsError } from '../core/errors.ts';
import type { HeldLock, Lock, LockHolder } from '../core/ports/lock.ts';
import { redact } from '../core/secret.ts';
import { createBare, engineName, engineTime, removeBare } from './docker/bare.ts';
import type { DockerClient } from './docker/client.ts';
import { lockedBy, lost } from './lock-errors.ts';
import { readBeat, startHeart } from './lock-heart.ts';

export interface LockOptions {
  docker: DockerClient;
  /** Project and environment. */
  scope: string;
  /** Name and process id of this machine and program, for people. */
  host: string;
  pid: number;
  /** Without a sign of life for so long, a lock may be taken over. Default 30 s. */
  ttlMs?: number;
  /** Default 5 s. */
  heartbeatMs?: number;
}

const LABEL = 'opsctl.lock';
/** Tries before giving up on a name that is neither held nor free: another machine is just removing the lock. */
const ATTEMPTS = 50;
const ATTEMPT_MS = 100;

const inspected = z.object({
  Id: z.string(),
  Created: z.string(),
  Config: z.object({ Labels: z.nullish(z.record(z.string(), z.string())) }),
});

/** Opens the lock of an environment; takes nothing yet. */
export function openLock({ docker, scope, host, pid, ttlMs = 30_000, heartbeatMs = 5000 }: LockOptions): Lock {
  const name = engineName('opsctl-lock', scope);

  const holder = async (): Promise<(LockHolder & { token: string }) | undefined> => {
    const { status, headers, body } = await docker.request({
      path: `/containers/${name}/json`,
      asked: 'look at the lock',
      accept: [404],
    });
    if (status === 404) return undefined;
    const { Id, Created, Config } = inspected.parse(JSON.parse(body.toString('utf8')));
    const labels = Config.Labels ?? {};
    if (labels[LABEL] !== scope) {
      throw new OpsError('REJECTED', `container ${name} has the name of opsctl's lock but is something else`, {
        hint: `Look at it and rename it: docker --host ${docker.host} inspect ${name}.`,
      });
    }
    // A lock whose program died before its first beat counts from its creation.
    const since = Date.parse(Created);
    const beat = Math.max(since, (await readBeat(docker, Id)) ?? 0);
    const ttl = Number(labels[`${LABEL}.ttl`]) || ttlMs;
    return {
      id: Id,
      owner: labels[`${LABEL}.owner`] ?? '',
      host: labels[`${LABEL}.host`] ?? '',
      pid: Number(labels[`${LABEL}.pid`]),
      command: labels[`${LABEL}.command`] ?? '',
      change: labels[`${LABEL}.change`] ?? '',
      token: labels[`${LABEL}.token`] ?? '',
      since: new Date(since).toISOString(),
      heartbeatAt: new Date(beat).toISOString(),
      ttlMs: ttl,
      stale: engineTime(headers.date) - beat > ttl,
    };
  };

  const acquire: Lock['acquire'] = async ({ owner, command, change }) => {
    const token = randomUUID();
    const labels = {
      [LABEL]: scope,
      [`${LABEL}.owner`]: owner,
      [`${LABEL}.host`]: host,
      [`${LABEL}.pid`]: String(pid),
      [`${LABEL}.command`]: redact(command),
      [`${LABEL}.change`]: change,
      [`${LABEL}.ttl`]: String(ttlMs),
      [`${LABEL}.token`]: token,
    };
    let takenOverFrom: LockHolder | undefined;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const made = await createBare(docker, { name, labels }).catch((error: unknown) => {
        // Whether it was created before the connection broke is seen below, by the token.
        if (error instanceof OpsError && error.code === 'UNREACHABLE' && attempt < 2) return 'taken' as const;
        throw error;
      });
      if (made !== 'taken') return hold(made.id, made.date, takenOverFrom);
      const held = await holder();
      if (held?.token === token) return hold(held.id, Date.parse(held.since), takenOverFrom);
      if (held !== undefined && !held.stale) throw lockedBy(scope, publicPart(held), await now(docker));
      // By id: of two that take over, the second finds nothing to remove, and never the first one's new lock. Who of
      // them then makes the new one is open, so that each remembers whose place it takes.
      if (held !== undefined) {
        await removeBare(docker, held.id);
        takenOverFrom = publicPart(held);
      }
      if (held === undefined) await sleep(ATTEMPT_MS);
    }
    throw new OpsError('LOCKED', `the lock of ${scope} is neither free nor held`, { hint: 'Look again: opsctl lock.' });
  };

  const hold = (id: string, date: number, takenOverFrom: LockHolder | undefined): HeldLock => {
    const heart = startHeart(docker, id, { date, ttlMs, heartbeatMs });
    return {
      id,
      ...(takenOverFrom !== undefined && { takenOverFrom }),
      confirm: async () => {
        const answer = await heart.confirm();
        if (answer === 'ours') return;
        throw answer === 'lost' ? lost(scope, await holder().catch(() => undefined)) : answer;
      },
      release: async () => {
        heart.stop();
        await removeBare(docker, id);
      },
    };
  };

  return {
    holder: async () => {
      const held = await holder();
      return held === undefined ? undefined : publicPart(held);
    },
    isFree: async (id) => (await holder())?.id !== id,
    breakLock: async (id) => {
      const held = await holder();
      // Only what is the lock right now is removed: the id may be that of any container.
      if (held?.id === id) await removeBare(docker, id);
    },
    acquire,
  };
}

const publicPart = ({ token: _token, ...held }: LockHolder & { token: string }): LockHolder => held;

/** The engine's clock. */
async function now(docker: DockerClient): Promise<number> {
  const { headers } = await docker.request({ path: '/_ping', asked: 'tell the time' });
  return engineTime(headers.date);
}
