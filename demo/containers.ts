/** The platform's containers: which there should be, which there are, and how they are. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { Failure } from '../scripts/failure.ts';
import { run } from '../scripts/run.ts';
import { COMPOSE_FILE, LABEL, NETWORK, PROJECT } from './paths.ts';

/** The part of `docker inspect` that is used here. */
interface Inspected {
  readonly Id: string;
  readonly Name: string;
  readonly State: {
    readonly Status: string;
    readonly Paused: boolean;
    readonly Health?: { readonly Status: string };
  };
  readonly Config: { readonly Labels: Readonly<Record<string, string>> };
  readonly HostConfig: { readonly Memory: number; readonly NanoCpus: number };
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, unknown>> };
}

export interface Container {
  readonly name: string;
  /** Changes when the container is made anew, or is limited otherwise than it was. */
  readonly identity: string;
  readonly status: string;
  readonly paused: boolean;
  readonly healthy: boolean;
  readonly connected: boolean;
  /** Belongs to the platform, and not to some other project that a test made from our images. */
  readonly member: boolean;
}

/** Names of the compose file, by service. */
export function expectedContainers(): Map<string, string> {
  const file = parse(readFileSync(COMPOSE_FILE, 'utf8'), { merge: true }) as {
    services: Record<string, { container_name: string }>;
  };
  return new Map(Object.entries(file.services).map(([key, value]) => [key, value.container_name]));
}

/** Everything that carries our label, running or not. */
export async function demoContainers(): Promise<Container[]> {
  const ids = await run(['docker', 'ps', '--all', '--quiet', '--no-trunc', '--filter', `label=${LABEL}`]);
  if (ids === '') return [];
  const text = await run(['docker', 'inspect', '--type', 'container', ...ids.split('\n')]);
  return (JSON.parse(text) as Inspected[]).map((found) => ({
    name: found.Name.replace(/^\//, ''),
    identity: `${found.Id} ${found.HostConfig.Memory} ${found.HostConfig.NanoCpus}`,
    status: found.State.Status,
    paused: found.State.Paused,
    healthy: found.State.Status === 'running' && (found.State.Health?.Status ?? 'healthy') === 'healthy',
    connected: NETWORK in found.NetworkSettings.Networks,
    member: NETWORK in found.NetworkSettings.Networks || found.Config.Labels['opsctl.project'] === PROJECT,
  }));
}

/** Somebody else may have a shop of the same name: that one must not be touched. */
export async function refuseForeign(): Promise<void> {
  const format = '{{.Names}}\t{{.Label "opsctl.demo"}}';
  const listed = await run(['docker', 'ps', '--all', '--format', format]);
  const volumes = await run([
    'docker',
    'volume',
    'ls',
    '--filter',
    'name=ecommerce_',
    '--format',
    '{{.Name}}\t{{.Label "opsctl.demo"}}',
  ]);
  const names = new Set(expectedContainers().values());
  const foreign = [
    ...unlabelled(listed).filter((name) => names.has(name)),
    ...unlabelled(volumes).filter((name) => /^ecommerce_(postgres|redis|api|nginx)_/.test(name)),
  ];
  if (foreign.length === 0) return;
  throw new Failure(
    `this engine already has ${foreign.join(', ')}, which the demo did not make; nothing was ` +
      `touched. Use another engine (DOCKER_HOST), or remove or rename them`,
    5,
  );
}

function unlabelled(table: string): string[] {
  return table.split('\n').flatMap((line) => {
    const [name = '', label] = line.split('\t');
    return name !== '' && label !== 'true' ? [name] : [];
  });
}
