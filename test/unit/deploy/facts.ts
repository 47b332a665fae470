/** A shop of two services as a deploy observes it: what a test changes one thing of. */
import { type DeployOptions, deploySchema } from '../../../src/core/deploy-options.ts';
import type { ContainerDetail } from '../../../src/core/ports/engine.ts';
import type { Colour, Routing } from '../../../src/core/ports/load-balancer.ts';
import type { Plan } from '../../../src/core/change.ts';
import { planText } from '../../../src/cli/progress.ts';
import { makeStyle } from '../../../src/cli/style.ts';
import { deployOf } from '../../../src/core/containers.ts';
import type { Facts, Look, ServiceFacts } from '../../../src/deploy/observe.ts';
import type { DeployRequest, Wanted } from '../../../src/deploy/request.ts';
import { container } from '../../support/containers.ts';

/** A container that compose made of service api. */
export function made(name: string, more: Partial<ContainerDetail> = {}): ContainerDetail {
  return {
    ...container({ id: `id-${name}`, name, image: 'shop/api:v1', project: 'shop', service: 'api', health: 'healthy' }),
    ...{
      pid: 1,
      exitCode: 0,
      oomKilled: false,
      restartCount: 0,
      restartPolicy: 'unless-stopped',
      healthLog: [],
      tty: false,
    },
    ...more,
  };
}

/** One that a deploy made. */
export function deployed(
  service: string,
  { colour, version, deploy }: { colour: Colour; version: string; deploy: number },
  more: Partial<ContainerDetail> = {},
): ContainerDetail {
  const labels = {
    'opsctl.project': 'shop',
    'opsctl.service': service,
    'opsctl.colour': colour,
    'opsctl.release': version,
    'opsctl.deploy': deploy.toString(),
    'opsctl.base': `shop_${service}`,
    ...more.labels,
  };
  const name = `shop_${service}-${colour}-r${deploy.toString()}`;
  return made(name, { service, image: `shop/${service}:${version}`, ...more, labels });
}

/** A service whose live containers were made by compose, and nothing else. */
export const serviceFacts = (name: string, more: Partial<ServiceFacts> = {}): ServiceFacts => ({
  name,
  colour: 'blue',
  live: [made(`shop_${name}_1`, { service: name, image: `shop/${name}:v1`, memoryLimit: 256 * 1024 * 1024 })],
  previous: [],
  older: [],
  ...more,
});

export function factsOf(services: ServiceFacts[], routing: Partial<Routing> = {}): Facts {
  const all = services.flatMap(({ live, previous, older }) => [...live, ...previous, ...older]);
  return {
    instances: [{ id: 'id-nginx', name: 'nginx', volume: 'state' }],
    directory: '/etc/opsctl',
    balancers: ['nginx'],
    routing: {
      live: Object.fromEntries(services.map(({ name, colour }) => [name, colour])),
      generation: 1,
      since: '2026-03-01T11:00:00.000Z',
      ...routing,
    },
    services,
    deploy: Math.max(0, ...all.map(deployOf)),
  };
}

/** The same as a look tells it, of one load balancer. */
export function lookOf(services: ServiceFacts[], routing: Partial<Routing> = {}): Look {
  const { instances, ...facts } = factsOf(services, routing);
  const told = instances.map((instance) => ({ instance, said: facts.routing }));
  return { ...facts, balancer: 'nginx', places: { instances, running: true }, told };
}

/** Version v2 of a service, whose image is there. */
export const wanted = (facts: ServiceFacts, more: Partial<Wanted> = {}): Wanted => ({
  facts,
  version: 'v2',
  same: false,
  image: `shop/${facts.name}:v2`,
  expects: `sha256:${facts.name}2`,
  missing: false,
  variable: { file: '.env', name: `${facts.name.toUpperCase()}_VERSION`, value: more.same === true ? 'v2' : 'v1' },
  metrics: facts.name,
  smoke: [`http://127.0.0.1:8080/${facts.name}/health`],
  memory: 256 * 1024 * 1024,
  ...more,
});

/** What of a request differs from the plain one; `options` are parts of the configuration of deploys. */
export type Different = Omit<Partial<DeployRequest>, 'options'> & { options?: Partial<DeployOptions> };

export const requestOf = (all: Wanted[], { options = {}, ...more }: Different = {}): DeployRequest => ({
  facts: factsOf(all.map(({ facts }) => facts)),
  project: 'shop',
  environment: 'production',
  wanted: all,
  ...more,
  options: { ...deploySchema.parse({}), ...options },
});

/** As a dry run prints it: 100 columns, no colour. */
export const shown = (plan: Plan): string =>
  planText(plan, makeStyle({ width: 100, colour: false }), 'production').trim();

export const ids = ({ steps }: Plan): string[] => steps.map(({ id }) => id);
