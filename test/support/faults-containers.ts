/** Each container of the platform stopped, frozen and cut off its network. */
import { cutOff, reconnect } from './damage.ts';
import { docker, type Expected, type Fault, name, stateOf } from './fault.ts';

/** What turns when a container is gone, by service: the same whether it is stopped, frozen or cut off. */
const CONSEQUENCES: Record<string, Expected> = {
  api: { api: 'crit' },
  web: { web: 'crit' },
  nginx: { 'load-balancer': 'crit', api: 'unknown', web: 'unknown', 'certificate:site': 'unknown' },
  postgres: { database: 'crit', 'database.direct': 'crit', api: 'warn' },
  redis: { redis: 'crit', 'redis.direct': 'crit', api: 'warn' },
  prometheus: {
    prometheus: 'crit',
    targets: 'unknown',
    alerts: 'unknown',
    traffic: 'unknown',
    'host-memory': 'unknown',
  },
};

/** Stops the processes of a container where they are, which its engine does not see. @returns how to end that */
export async function hang(container: string): Promise<() => Promise<void>> {
  await docker('kill', '--signal', 'STOP', container);
  return async () => {
    await docker('kill', '--signal', 'CONT', container);
    // A container that was sent a signal counts as stopped by hand, and would not come back with its engine.
    await docker('restart', container);
  };
}

const stopped = (service: string): Fault => ({
  name: `${service} stopped`,
  inject: async () => {
    await docker('stop', '--time', '3', name(service));
    return () => docker('start', name(service));
  },
  isSo: async () => (await stateOf(service)) === 'exited',
  ...gone(service),
  next: `opsctl logs ${service} --tail 50`,
});

const paused = (service: string): Fault => ({
  name: `${service} paused`,
  inject: async () => {
    await docker('pause', name(service));
    return () => docker('unpause', name(service));
  },
  isSo: async () => (await stateOf(service)) === 'paused',
  ...gone(service),
  next: `docker unpause ${name(service)}`,
});

const cut = (service: string): Fault => {
  const { expected, ...rest } = gone(service);
  return {
    name: `${service} cut off its network`,
    inject: async () => {
      const ends = await cutOff(name(service));
      return () => reconnect(name(service), ends);
    },
    isSo: async () => (await docker('inspect', '-f', '{{len .NetworkSettings.Networks}}', name(service))) === '0',
    ...rest,
    // The server itself is well and is reached through its container: only the way to it is broken.
    expected: Object.fromEntries(Object.entries(expected).filter(([id]) => !id.endsWith('.direct'))),
    next: `docker-compose up -d --no-deps --force-recreate ${service}`,
  };
};

function gone(service: string): { expected: Expected; exit: number } {
  return { expected: { [`container:${name(service)}`]: 'crit', ...CONSEQUENCES[service] }, exit: 1 };
}

const SEVEN = ['api', 'web', 'nginx', 'postgres', 'redis', 'prometheus', 'alertmanager'];

const WAYS = [stopped, paused, cut];

/** Each container in each way; in the short form each in one, and so each way for several. */
export const CONTAINER_FAULTS: readonly Fault[] = WAYS.flatMap((broken, way) =>
  SEVEN.map((service, at): Fault => ({ ...broken(service), long: at % WAYS.length !== way })),
);
