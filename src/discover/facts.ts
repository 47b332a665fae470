import { isOneOff } from '../core/containers.ts';
import { OpsError } from '../core/errors.ts';
import { plural } from '../core/format.ts';
import type { Container, EngineInfo, EngineReader, PublishedPort } from '../core/ports/engine.ts';
import { compareNames } from '../core/text.ts';

/** A compose service as the engine shows it. Its environment may hold secrets: it is looked at, never shown. */
export interface Found {
  service: string;
  /** The running ones first. */
  containers: Container[];
  image: string;
  environment: Readonly<Record<string, string>>;
  command: readonly string[];
  ports: PublishedPort[];
}

/** A compose project as the engine shows it. */
export interface Facts {
  project: string;
  engine: Pick<EngineInfo, 'host' | 'local'>;
  found: Found[];
}

const NOTHING_RUNS = 'Start the platform first, as in: docker compose up -d';

/** Looks at one compose project: the one named, or the only one that runs. @throws NOT_FOUND, USAGE */
export async function observe(engine: EngineReader, wanted: string | undefined): Promise<Facts> {
  const [info, all] = await Promise.all([engine.info(), engine.containers()]);
  const project = choose(all, wanted, info.host);
  const mine = all.filter((one) => one.project === project && one.service !== undefined && !isOneOff(one));
  const services = [...new Set(mine.map((one) => one.service ?? ''))].toSorted(compareNames);
  const found = await Promise.all(services.map((service) => look(engine, service, mine)));
  return { project, engine: info, found };
}

async function look(engine: EngineReader, service: string, all: Container[]): Promise<Found> {
  const rank = (one: Container): number => (one.state === 'running' ? 0 : 1);
  const containers = all
    .filter((one) => one.service === service)
    .toSorted((a, b) => rank(a) - rank(b) || compareNames(a.name, b.name));
  const [first] = containers;
  // A container that went away between listing and looking is still worth its image and ports.
  const startup = await engine.startup(first?.id ?? '').catch((thrown: unknown) => {
    if (thrown instanceof OpsError && thrown.code === 'NOT_FOUND') return { environment: {}, command: [] };
    throw thrown;
  });
  return {
    service,
    containers,
    image: first?.image ?? '',
    ...startup,
    ports: containers.flatMap(({ ports }) => ports),
  };
}

function choose(all: Container[], wanted: string | undefined, host: string): string {
  const running = new Map<string, number>();
  for (const { project, state } of all) {
    if (project !== undefined && state === 'running') running.set(project, (running.get(project) ?? 0) + 1);
  }
  const list = [...running]
    .toSorted(([a], [b]) => compareNames(a, b))
    .map(([name, count]) => `${name} (${plural(count, 'container')})`);
  const [only] = running.keys();
  if (wanted !== undefined && all.some(({ project }) => project === wanted)) return wanted;
  if (wanted !== undefined)
    throw new OpsError('NOT_FOUND', `no compose project ${wanted} on ${host}`, {
      hint: list.length === 0 ? NOTHING_RUNS : 'Name one of those that run with --project.',
      ...(list.length === 0 ? {} : { details: { projects: list } }),
    });
  if (only === undefined) throw new OpsError('NOT_FOUND', `no compose project runs on ${host}`, { hint: NOTHING_RUNS });
  if (running.size > 1)
    throw new OpsError('USAGE', `${running.size.toString()} compose projects run on ${host}`, {
      hint: `Choose one, as in: opsctl init --project ${only}`,
      details: { projects: list },
    });
  return only;
}
