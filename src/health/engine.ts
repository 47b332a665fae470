import { isMeantToRun } from '../checks/configured.ts';
import { container as judgeContainer } from '../checks/container.ts';
import type { Context } from '../core/command.ts';
import { isRetired, versionOf } from '../core/containers.ts';
import { asOpsError, OpsError } from '../core/errors.ts';
import { plural } from '../core/format.ts';
import type { Container, QuickUsage } from '../core/ports/engine.ts';
import { type Verdict, verdict } from '../core/verdict.ts';
import { once, type Probe } from './probe.ts';
import { compareNames } from '../core/text.ts';

const RETIRED = 'stopped after a deploy; a rollback starts it again';

/** The engine and every container of the platform. */
export function engineProbes(context: Context, timeoutMs: number): Probe[] {
  const { platform, readers } = context;
  const list = once(async () =>
    (await readers.engine.containers({ project: platform.compose.project })).toSorted((a, b) =>
      compareNames(a.name, b.name),
    ),
  );
  return [
    {
      id: 'engine',
      component: 'engine',
      timeoutMs,
      run: async () => {
        const info = await readers.engine.info();
        return verdict.ok(`engine ${info.version} on ${info.name}, ${plural(info.cpus, 'CPU')}`);
      },
    },
    {
      id: 'containers',
      component: 'containers',
      gives: ['container:*', 'containers.usage'],
      timeoutMs,
      run: async () => containers(context, await list()),
    },
    {
      id: 'releases',
      component: 'releases',
      gives: ['release:*'],
      timeoutMs,
      run: async () => releases(context, await list()),
    },
  ];
}

async function containers(context: Context, list: Container[]): Promise<Record<string, Verdict>> {
  const { engine } = context.readers;
  const { project } = context.platform.compose;
  if (list.length === 0)
    return {
      containers: verdict.crit(`compose project ${project} has no containers`, [
        'docker-compose up -d',
        'opsctl config check',
      ]),
    };
  const running = list.filter(({ state }) => state === 'running' || state === 'paused').map(({ id }) => id);
  // Use of resources is an extra: without it the rest still counts, and a finding of its own says that it is missing.
  const [usage, details] = await Promise.all([
    engine.quickUsage(running).catch((thrown: unknown) => asOpsError(thrown)),
    Promise.all(
      list.map((one) => engine.container(one.id).catch((thrown: unknown) => ({ one, error: asOpsError(thrown) }))),
    ),
  ]);
  const now = context.now().getTime();
  const used = usage instanceof OpsError ? new Map<string, QuickUsage>() : usage;
  const { thresholds } = context.platform;
  const findings = details.flatMap((detail): [string, Verdict][] => {
    if (!('error' in detail)) {
      if (isRetired(detail, list)) return [[`container:${detail.name}`, verdict.ok(RETIRED)]];
      const meantToRun = isMeantToRun(detail, context.platform);
      return [[`container:${detail.name}`, judgeContainer(detail, used.get(detail.id), thresholds, now, meantToRun)]];
    }
    // Removed between the listing and the look: gone, not broken.
    return detail.error.code === 'NOT_FOUND'
      ? []
      : [[`container:${detail.one.name}`, verdict.unknown(detail.error.message, [])]];
  });
  const unmeasured = details.flatMap((one) =>
    'error' in one || one.state !== 'running' || used.has(one.id) ? [] : [one.name],
  );
  if (unmeasured.length === 0) return Object.fromEntries(findings);
  const why = usage instanceof OpsError ? usage.message : 'the engine does not tell it';
  return {
    ...Object.fromEntries(findings),
    'containers.usage': verdict.unknown(
      `memory and CPU use of ${unmeasured.join(', ')} could not be observed: ${why}`,
      ['opsctl stats'],
    ),
  };
}

/** Version and colour of each service that a release may hold. */
function releases(context: Context, list: Container[]): Record<string, Verdict> {
  const entries = Object.entries(context.platform.services).filter(([, service]) => service.deployable);
  return Object.fromEntries(
    entries.map(([key, service]): [string, Verdict] => {
      const mine = list.filter((one) => one.service === (service.service ?? key) && one.state === 'running');
      const versions = [...new Set(mine.map((one) => versionOf(one) ?? one.image))];
      const colours = [
        ...new Set(mine.map((one) => one.labels['opsctl.colour'] ?? '').filter((colour) => colour !== '')),
      ];
      if (mine.length === 0)
        return [`release:${key}`, verdict.skipped('no container of it runs', [`opsctl status ${key}`])];
      const text = `${versions.join(' and ')}${colours.length === 0 ? ', no colour' : `, ${colours.join(' and ')}`}, ${plural(mine.length, 'container')}`;
      return [
        `release:${key}`,
        versions.length > 1 && colours.length < 2
          ? verdict.warn(`different versions at once: ${text}`, ['opsctl history', `opsctl status ${key}`])
          : verdict.ok(text),
      ];
    }),
  );
}
