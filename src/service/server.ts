/** Restarting a server that others connect to, such as a database or a cache. */
import * as z from 'zod';

import type { Plan, Step } from '../core/change.ts';
import type { Context } from '../core/command.ts';
import { serviceOf } from '../core/containers.ts';
import { OpsError } from '../core/errors.ts';
import { gate } from '../core/plan.ts';
import { planRestart } from './restart.ts';

/** How long a server may take between the request to end and SIGKILL, where nobody says. */
export const GRACE_SECONDS = 60;

/** The flag that says. */
export const graceField = z
  .number()
  .int()
  .min(1)
  .max(3600)
  .default(GRACE_SECONDS)
  .meta({ description: 'between the request to end and SIGKILL', value: 'seconds' });

/** What clients may take to connect again after the server answers, in ms. */
const DEPENDENTS_MS = 60_000;
/** How long the server may take until it answers: it may have to recover or to load its data first. In ms. */
export const READY_MS = 120_000;

/** Bytes that the container of a service may use; undefined without a limit, and for a server that is no container. */
export async function memoryLimitOf(
  service: string | undefined,
  { platform, readers }: Context,
): Promise<number | undefined> {
  if (service === undefined) return undefined;
  const all = await readers.engine.containers({ project: platform.compose.project });
  const found = all.find((one) => serviceOf(one) === service && one.state === 'running');
  return found === undefined ? undefined : (await readers.engine.container(found.id)).memoryLimit;
}

/** The server that is restarted. */
export interface Server {
  /** For people: `database main`. */
  subject: string;
  /** Compose service; undefined for a server that is no container of the platform. */
  service: string | undefined;
  graceSeconds: number;
  /** The command that looks whether it answers. */
  ready: string;
  /** What is done before it is stopped; asked for only where it runs. */
  before: () => Step[];
  /** Waits until it answers. */
  answers: Step;
}

/**
 * Stop, start, wait until it answers, and until the services that connect to it serve again.
 * @throws NOT_CONFIGURED for one that is no container of this platform, NOT_FOUND without a container
 */
export async function restartSteps(
  { subject, service, graceSeconds, ready, before, answers }: Server,
  { platform, readers }: Context,
): Promise<Pick<Plan, 'touches' | 'steps'> & { running: boolean }> {
  if (service === undefined)
    throw new OpsError('NOT_CONFIGURED', `${subject} is no container of this platform`, {
      hint: `Restart it where it runs, as in the console of its provider. Then look: ${ready}`,
    });
  const all = await readers.engine.containers({ project: platform.compose.project });
  const own = await Promise.all(
    all.filter((one) => serviceOf(one) === service).map(({ id }) => readers.engine.container(id)),
  );
  if (own.length === 0)
    throw new OpsError('NOT_FOUND', `${subject} has no container: no service ${service} is there`, {
      hint: 'See which services there are: opsctl status',
    });
  const running = own.some(({ state }) => state === 'running');
  const restart = planRestart(own, { service, graceSeconds, healthyWithinMs: READY_MS });
  const deployable = Object.entries(platform.services).map(([key, one]) => one.service ?? key);
  const dependents = all.filter((one) => one.state === 'running' && deployable.includes(serviceOf(one)));
  return {
    running,
    touches: restart.touches,
    steps: [
      ...(running ? before() : []),
      ...restart.steps,
      answers,
      ...dependents.map((one) =>
        gate({
          id: `engine.serving:${one.name}`,
          describe: `wait until ${one.name} serves`,
          why: `it had to connect to ${subject} again`,
          verify: (r) => r.engine.isServing(one.id),
          explain: (r) => r.engine.whyNotServing(one.id),
          timeoutMs: DEPENDENTS_MS,
        }),
      ),
    ],
  };
}
