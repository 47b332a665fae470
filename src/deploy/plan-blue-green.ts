/** A release beside the live one, and the switch to it. */
import type { Plan, Step } from '../core/change.ts';
import { OpsError } from '../core/errors.ts';
import { bytes, plural } from '../core/format.ts';
import { plan } from '../core/plan.ts';
import type { DeployOptions } from '../core/deploy-options.ts';
import type { ContainerDetail } from '../core/ports/engine.ts';
import type { Route } from '../core/ports/load-balancer.ts';
import type { ComparedService } from '../core/ports/release.ts';
import type { Replica } from '../core/ports/replicas.ts';
import { aliasOf, type Door } from '../core/routing.ts';
import { hookSteps } from './hooks.ts';
import { baseName, COMPOSE, LABEL, replicaName } from './names.ts';
import { type Facts, other, type ServiceFacts, versionIn } from './observe.ts';
import * as steps from './steps.ts';
import type { VersionVariable } from './version-variable.ts';

/** A service of the release that is to be, decided: which image, where from. */
export interface Wanted {
  facts: ServiceFacts;
  version: string;
  /** True when it has that version already: nothing is done to it. */
  same: boolean;
  image: string;
  /** Id of the image, or the digest that a registry names for one that is to be pulled. */
  expects: string;
  missing: boolean;
  /** Why nobody may roll back past this version. */
  noRollback?: string;
  variable: VersionVariable | { why: string };
  releaseCommand?: { command: string[]; timeoutMs: number };
  /** Value of the service label in Prometheus. */
  metrics: string;
  /** URLs to ask before it gets traffic. */
  smoke: string[];
  /** Memory limit of one replica, or what the model uses where it has none; bytes. */
  memory: number;
}

/** What a deploy is made of. */
export interface DeployRequest {
  facts: Facts;
  wanted: Wanted[];
  project: string;
  environment: string;
  options: DeployOptions;
  /** By compose service: what compose is to find on the new containers. */
  hashes: Record<string, string>;
}

/** Containers of the new colour, made after the live ones: as many replicas, and labels that compose knows them by. */
export function replicasOf(one: Wanted, request: DeployRequest): { replica: Replica; model: ContainerDetail }[] {
  const { facts, project, environment } = request;
  const colour = other(one.facts.colour);
  const deploy = facts.deploy + 1;
  const name = one.facts.name;
  return one.facts.live.map((model, index) => {
    const base = baseName(model);
    const service = model.labels[LABEL.service] ?? model.service ?? name;
    return {
      model,
      replica: {
        name: replicaName(base, colour, deploy, index + 1),
        model: model.id,
        image: one.image,
        expects: one.expects,
        environment: { OPSCTL_COLOUR: colour, OPSCTL_RELEASE: one.version },
        labels: {
          [LABEL.project]: project,
          [LABEL.environment]: environment,
          [LABEL.service]: service,
          [LABEL.colour]: colour,
          [LABEL.release]: one.version,
          [LABEL.deploy]: deploy.toString(),
          [LABEL.base]: base,
          [LABEL.noRollback]: one.noRollback ?? '',
          ...composeLabels(model, one.facts, request.hashes),
        },
        aliases: { add: [aliasOf(name, colour)], remove: [aliasOf(name, other(colour))] },
      },
    };
  });
}

/**
 * `docker-compose up` keeps the containers with the lowest numbers and removes what is above the service's scale:
 * the new ones are numbered below the old, so that it is the old ones that it would remove.
 */
function composeLabels(
  model: ContainerDetail,
  { live }: ServiceFacts,
  hashes: Record<string, string>,
): Record<string, string> {
  if (model.project === undefined) return {};
  const numberOf = (one: ContainerDetail): number => Number(one.labels[COMPOSE.number] ?? 1);
  const lowest = Math.min(...live.map(numberOf));
  const hash = hashes[model.service ?? ''];
  return {
    ...(hash === undefined ? {} : { [COMPOSE.hash]: hash }),
    [COMPOSE.number]: (lowest - live.length + live.indexOf(model)).toString(),
    [COMPOSE.oneOff]: 'False',
  };
}

/** Where traffic goes once some services have changed their colour. */
export function flipped({ live }: Route, services: readonly ServiceFacts[]): Route {
  return { live: { ...live, ...Object.fromEntries(services.map(({ name, colour }) => [name, other(colour)])) } };
}

export function planBlueGreen(request: DeployRequest): Plan {
  const { facts, options } = request;
  const wanted = request.wanted.filter(({ same }) => !same);
  if (wanted.length === 0)
    return plan({ target: 'release', summary: `${summaryOf(request.wanted)} is live already`, touches: [], steps: [] });
  const from: Route = { live: facts.routing.live };
  const to = flipped(
    from,
    wanted.map((one) => one.facts),
  );
  const [door] = facts.doors;
  if (door === undefined) throw new OpsError('BUG', 'a deploy was planned without a load balancer');
  const made = wanted.flatMap((one) => replicasOf(one, request));
  const watched = {
    door: door.id,
    directory: facts.directory,
    route: to,
    containers: made.map(({ replica }) => replica.name),
    services: wanted.flatMap((one) => comparison(one)),
    forMs: options.watchMs,
  };
  return plan({
    target: request.environment,
    summary: `deploy ${summaryOf(wanted)}`,
    touches: touchesOf(request, wanted),
    steps: [
      ...hookSteps('before', options.hooks.before, factsOfRelease(request, wanted)),
      ...prepare(request, wanted, door),
      ...facts.doors.map((one) => steps.route(one, facts.directory, from, to)),
      ...(options.watchMs === 0 ? [] : [steps.watch(watched)]),
      ...settle(request, wanted),
    ],
  });
}

/** Everything up to a new colour that serves and gets no traffic yet. */
export function prepare(request: DeployRequest, wanted: readonly Wanted[], door: Door): Step[] {
  const { options, facts } = request;
  const all = wanted.map((one) => ({ one, made: replicasOf(one, request) }));
  const asks = wanted.flatMap(({ smoke, facts: { colour } }) => smoke.map((url) => ({ url, colour: other(colour) })));
  return [
    ...wanted.filter((one) => one.missing).map(({ image, expects }) => steps.pull(image, expects)),
    ...wanted.flatMap(({ facts: { previous } }) =>
      previous
        .filter(isUp)
        .flatMap((one) =>
          steps.retire(one, retirement(request, 'the new version takes its place beside the live one')),
        ),
    ),
    ...all.flatMap(({ one, made }) => {
      const [first] = made;
      if (one.releaseCommand === undefined || first === undefined) return [];
      const { command, timeoutMs } = one.releaseCommand;
      const name = `${baseName(first.model)}-release-r${(facts.deploy + 1).toString()}`;
      return steps.releaseCommand({ ...first.replica, name, aliases: 'none', once: command }, timeoutMs);
    }),
    ...all.flatMap(({ made }) => made.map(({ replica, model }) => steps.create(replica, steps.graceOf(model)))),
    ...all.flatMap(({ made }) => made.map(({ replica }) => steps.start(replica.name))),
    ...all.flatMap(({ made }) => made.map(({ replica }) => steps.serving(replica.name, options.healthyWithinMs))),
    ...(asks.length === 0
      ? []
      : [steps.smoke({ door: door.id, directory: facts.directory, asks, passes: options.smokePasses })]),
  ];
}

/** Whether a container still has something to end. */
export const isUp = ({ state }: Pick<ContainerDetail, 'state'>): boolean =>
  !['created', 'exited', 'dead'].includes(state);

export const retirement = (
  { facts, options }: Pick<DeployRequest, 'facts' | 'options'>,
  why: string,
): steps.Retirement => ({
  from: facts.balancers,
  drainMs: options.drainMs,
  why,
});

/** What follows once the new version is live and well. */
export const settle = (request: DeployRequest, wanted: readonly Wanted[]): Step[] => [
  ...wanted.flatMap(({ variable, version }) => ('why' in variable ? [] : [steps.setVersion(variable, version)])),
  ...wanted.flatMap(({ facts: { previous, older } }) => [...previous, ...older].map(steps.removeOld)),
  ...hookSteps('after', request.options.hooks.after, factsOfRelease(request, wanted)),
];

export function comparison({ facts: { live }, version, metrics }: Wanted): ComparedService[] {
  const stable = versionIn(live);
  // The same version from another image cannot be told apart in metrics.
  return stable === undefined || stable === version ? [] : [{ metrics, stable, candidate: version }];
}

export const summaryOf = (wanted: readonly Wanted[]): string =>
  wanted.map(({ facts: { name }, version }) => `${name} ${version}`).join(', ');

export function touchesOf({ facts }: DeployRequest, wanted: readonly Wanted[]): string[] {
  return [
    ...wanted.map(({ facts: { name, live, colour }, version, memory }) => {
      const before = versionIn(live) ?? 'several versions';
      const count = plural(live.length, 'container');
      return `service ${name}: ${before} (${colour}) → ${version} (${other(colour)}); ${count} of ${bytes(memory)} beside the live ${plural(live.length, 'one')}`;
    }),
    ...facts.doors.map(
      ({ name }) => `load balancer ${name}: one switch of ${wanted.map((one) => one.facts.name).join(', ')}`,
    ),
    ...wanted.flatMap(({ variable, version }) =>
      'why' in variable ? [] : [`${variable.file}: ${variable.name}=${version}`],
    ),
    ...wanted.flatMap((one) =>
      one.facts.live.map(({ name }) => `container ${name}: keeps running for a quick rollback`),
    ),
    ...wanted.flatMap((one) =>
      one.facts.previous.map(({ name }) => `container ${name}: stopped, and removed once the new version is well`),
    ),
  ];
}

/** What hooks are told, as environment variables. */
export function factsOfRelease(
  { project, environment }: DeployRequest,
  wanted: readonly Wanted[],
): Record<string, string> {
  return {
    OPSCTL_PROJECT: project,
    OPSCTL_ENVIRONMENT: environment,
    OPSCTL_SERVICES: wanted.map(({ facts: { name } }) => name).join(' '),
    OPSCTL_COLOURS: wanted.map(({ facts: { colour } }) => other(colour)).join(' '),
    OPSCTL_VERSION: [...new Set(wanted.map(({ version }) => version))].join(' '),
  };
}
