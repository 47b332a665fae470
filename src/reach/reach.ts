import type { Context } from '../core/command.ts';
import { plural } from '../core/format.ts';
import { verdict } from '../core/verdict.ts';
import { lookAtAll, type Reached, type Target } from './run.ts';
import { certificateTargets, fileTargets, volumeTargets } from './stored.ts';
import { balancerTargets, serviceTargets } from './served.ts';

/** Everything that the configuration names, looked at. */
export async function reachAll(context: Context): Promise<Reached[]> {
  const targets = [
    engineTarget(context),
    projectTarget(context),
    ...serviceTargets(context),
    ...balancerTargets(context),
    ...databaseTargets(context),
    ...cacheTargets(context),
    ...prometheusTargets(context),
    ...certificateTargets(context),
    ...volumeTargets(context),
    ...fileTargets(context),
  ];
  return await lookAtAll(targets, context.platform.checks.timeoutMs);
}

const engineTarget = ({ readers }: Context): Target => ({
  target: 'engine',
  next: ['docker info', 'opsctl config show engine --origin'],
  look: async () => {
    const { host, version } = await readers.engine.info();
    return verdict.ok(`engine ${version} at ${host}`);
  },
});

const projectTarget = ({ platform, readers }: Context): Target => ({
  target: 'compose.project',
  next: ['opsctl config show compose --origin'],
  look: async () => {
    const { project } = platform.compose;
    const count = (await readers.engine.containers({ project })).length;
    if (count > 0) return verdict.ok(`${project} has ${plural(count, 'container')}`);
    const all = await readers.engine.containers();
    const others = [...new Set(all.flatMap((one) => one.project ?? []))].toSorted();
    const there = others.length === 0 ? 'no compose project at all' : others.slice(0, 10).join(', ');
    return verdict.crit(`no container belongs to project ${project}; there is: ${there}`, [
      'opsctl config show compose --origin',
      'docker compose up -d',
    ]);
  },
});

const databaseTargets = ({ platform, readers }: Context): Target[] =>
  Object.keys(platform.databases).map((name) => ({
    target: `databases.${name}`,
    next: [`opsctl config show databases.${name} --origin`, 'opsctl health --detailed --only database'],
    look: async () => {
      const { version, inRecovery } = await readers.database.ready(name);
      const route = await readers.database.route(name);
      return verdict.ok(`PostgreSQL ${version}${inRecovery ? ', a replica' : ''}, by ${route}`);
    },
  }));

const cacheTargets = ({ platform, readers }: Context): Target[] =>
  Object.keys(platform.caches).map((name) => ({
    target: `caches.${name}`,
    next: [`opsctl config show caches.${name} --origin`, 'opsctl health --detailed --only redis'],
    look: async () => {
      await readers.cache.ping(name);
      return verdict.ok(`answers, by ${await readers.cache.route(name)}`);
    },
  }));

function prometheusTargets({ platform, readers }: Context): Target[] {
  const { prometheus } = platform;
  if (prometheus === undefined) return [];
  const next = ['opsctl config show prometheus --origin'];
  const up: Target = {
    target: 'prometheus',
    next,
    look: async () => {
      const targets = await readers.metrics.targets();
      const down = targets.filter(({ health }) => health === 'down').length;
      return verdict.ok(
        `scrapes ${plural(targets.length, 'target')}${down === 0 ? '' : `, ${down.toString()} of them down`}`,
      );
    },
  };
  const queries: Target = {
    target: 'prometheus.queries',
    next,
    look: async () => {
      const samples = await readers.metrics.query(prometheus.queries.requestRate);
      const known = new Set(samples.flatMap(({ labels }) => labels['service'] ?? []));
      const missing = Object.entries(platform.services)
        .filter(([key, service]) => service.health !== undefined && !known.has(service.metrics ?? key))
        .map(([key]) => key);
      if (known.size === 0)
        return verdict.warn('requestRate gives no sample with a label `service`', [
          'opsctl config show prometheus.queries --origin',
        ]);
      if (missing.length === 0) return verdict.ok(`request rates of ${[...known].toSorted().join(', ')}`);
      return verdict.warn(
        `no request rate of ${missing.join(', ')}; Prometheus has ${[...known].toSorted().join(', ')}`,
        missing.map((key) => `opsctl config show services.${key}.metrics --origin`),
      );
    },
  };
  return [up, queries];
}
