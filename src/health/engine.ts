import { isMeantToRun } from '../checks/configured.ts';
import { container as judgeContainer } from '../checks/container.ts';
import type { Context } from '../core/command.ts';
import { serviceOf, versionOf } from '../core/containers.ts';
import { isRetired, type Live, whatIsLive } from '../core/live.ts';
import { asOpsError, OpsError } from '../core/errors.ts';
import { plural } from '../core/format.ts';
import type { Container, QuickUsage } from '../core/ports/engine.ts';
import { type Verdict, verdict } from '../core/verdict.ts';
import { once } from '../core/once.ts';
import type { Probe } from './probe.ts';
import { compareNames } from '../core/text.ts';

const RETIRED = 'stopped after a deploy: it is of a release that is not live';

/** What there is and which of it is live, observed once for all checks that need it. */
export interface Place {
  containers(): Promise<Container[]>;
  live(): Promise<Live>;
}

export function preparePlace({ platform, readers }: Context): Place {
  const containers = once(async () =>
    (await readers.engine.containers({ project: platform.compose.project })).toSorted((a, b) =>
      compareNames(a.name, b.name),
    ),
  );
  return { containers, live: once(async () => whatIsLive(platform, await containers(), readers)) };
}

/** The engine and every container of the platform. */
export function engineProbes(context: Context, place: Place, timeoutMs: number): Probe[] {
  const { readers } = context;
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
      leads: place.containers,
      run: async () => containers(context, await place.containers(), place.live),
    },
    {
      id: 'releases',
      component: 'releases',
      gives: ['release:*'],
      timeoutMs,
      run: async () => releases(context, await place.containers(), await place.live()),
    },
  ];
}

async function containers(
  context: Context,
  list: Container[],
  whatIsLive: Place['live'],
): Promise<Record<string, Verdict>> {
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
  const [usage, live, details] = await Promise.all([
    // Takes the longest, so that it is asked first.
    engine.quickUsage(running).catch((thrown: unknown) => asOpsError(thrown)),
    whatIsLive(),
    Promise.all(
      list.map((one) => engine.container(one.id).catch((thrown: unknown) => ({ one, error: asOpsError(thrown) }))),
    ),
  ]);
  const now = context.now().getTime();
  const used = usage instanceof OpsError ? new Map<string, QuickUsage>() : usage;
  const { thresholds } = context.platform;
  const findings = details.flatMap((detail): [string, Verdict][] => {
    if (!('error' in detail)) {
      if (isRetired(detail, live)) return [[`container:${detail.name}`, verdict.ok(RETIRED)]];
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
function releases(context: Context, list: Container[], live: Live): Record<string, Verdict> {
  const entries = Object.entries(context.platform.services).filter(([, service]) => service.deployable);
  return Object.fromEntries(
    entries.map(([key, service]): [string, Verdict] => {
      const name = service.service ?? key;
      const mine = list.filter((one) => serviceOf(one) === name && one.state === 'running');
      const liveColour = live.colour(name);
      const versions = [...new Set(mine.map((one) => versionOf(one) ?? one.image))];
      const colours = [
        ...new Set(mine.map((one) => one.labels['opsctl.colour'] ?? '').filter((colour) => colour !== '')),
      ];
      if (mine.length === 0)
        return [`release:${key}`, verdict.skipped('no container of it runs', [`opsctl status ${key}`])];
      if (liveColour !== undefined && !mine.some((one) => live.has(one) === true))
        return [
          `release:${key}`,
          verdict.crit(`visitors are sent to ${liveColour}, in which no container of it runs`, [
            'opsctl deploy status',
          ]),
        ];
      const text = `${versions.join(' and ')}${colours.length === 0 ? ', no colour' : `, ${colours.join(' and ')}`}${colours.length > 1 && liveColour !== undefined ? ` (live: ${liveColour})` : ''}, ${plural(mine.length, 'container')}`;
      return [
        `release:${key}`,
        versions.length > 1 && colours.length < 2
          ? verdict.warn(`different versions at once: ${text}`, ['opsctl history', `opsctl status ${key}`])
          : verdict.ok(text),
      ];
    }),
  );
}
