/** The stages that releases have in common: to make a new version serve, to give it all traffic, to take it out again. */
import type { Step } from '../core/change.ts';
import { OpsError } from '../core/errors.ts';
import { bytes, plural } from '../core/format.ts';
import { ONCE_LABEL } from '../core/containers.ts';
import type { ContainerDetail } from '../core/ports/engine.ts';
import type { Route } from '../core/ports/load-balancer.ts';
import type { Candidate, Watch } from '../core/ports/release.ts';
import { colourOf, type Instance } from '../core/routing.ts';
import { hookSteps } from './hooks.ts';
import { baseName } from './names.ts';
import { type Facts, other, type ServiceFacts, versionIn } from './observe.ts';
import { replicasOf } from './replicas.ts';
import { type DeployRequest, type Released, type Surroundings, type Wanted, whyIncomparable } from './request.ts';
import { releaseCommand } from './release-command.ts';
import * as steps from './steps.ts';

/** Everything up to a new version that serves and gets no traffic yet. */
export function prepare(request: DeployRequest, wanted: readonly Wanted[]): Step[] {
  const { options, facts } = request;
  const { name: instance } = firstInstance(facts);
  const all = wanted.map((one) => ({ one, made: replicasOf(one, request) }));
  const asks = asksOf(wanted);
  return [
    // What hooks announce begins once nothing is left to be fetched.
    ...distinct(
      wanted
        .filter((one) => one.missing)
        .flatMap(({ image, expects, noRollback }) => steps.pull(image, expects, noRollback)),
    ),
    ...hookSteps('before', options.hooks.before, factsOfRelease(request, wanted)),
    // What is older and runs came back by itself: it would share the name of the new ones.
    ...wanted.flatMap(({ facts: service }) =>
      [...service.previous, ...service.older]
        .filter(isUp)
        .flatMap((one) => retire(one, service, request, 'the new version takes its place beside the live one')),
    ),
    ...all.flatMap(({ one, made }) => {
      const [first] = made;
      if (one.releaseCommand === undefined || first === undefined) return [];
      const { command, timeoutMs } = one.releaseCommand;
      const name = `${baseName(first.model)}-release-r${(facts.deploy + 1).toString()}`;
      return releaseCommand(
        {
          ...first.replica,
          labels: { ...first.replica.labels, [ONCE_LABEL]: 'true' },
          name,
          aliases: 'none',
          once: command,
        },
        { timeoutMs, graceSeconds: steps.graceOf(first.model), noRollback: one.noRollback },
      );
    }),
    ...all.flatMap(({ made }) =>
      made.map(({ replica, model }) =>
        steps.create(replica, {
          graceSeconds: steps.graceOf(model),
          drain: { from: facts.balancers, forMs: options.drainMs },
        }),
      ),
    ),
    ...all.flatMap(({ made }) => made.map(({ replica }) => steps.start(replica.name))),
    ...all.flatMap(({ made }) => made.map(({ replica }) => steps.serving(replica.name, options.healthyWithinMs))),
    ...(asks.length === 0
      ? []
      : [steps.smoke({ instance, directory: facts.directory, asks, passes: options.smokePasses })]),
  ];
}

/** How services go live. */
interface Going {
  /** Services that are live already, and whose variables say otherwise. */
  also?: readonly Pick<Released, 'variable' | 'version'>[];
  /** False: only containers are watched, not errors and latency. */
  analysed?: boolean;
}

/** All traffic to the new version, watched; and what follows once it is live and well. */
export function goLive(
  where: Surroundings,
  services: readonly Released[],
  { also = [], analysed = true }: Going = {},
): Step[] {
  const { facts, options } = where;
  const { name: instance } = firstInstance(facts);
  const from: Route = { live: facts.routing.live };
  const to = flipped(
    from,
    services.map((one) => one.facts),
  );
  const watched = {
    instance,
    directory: facts.directory,
    route: to,
    containers: services.flatMap(({ containers }) => containers),
    ...(analysed ? comparisons(services) : { services: [] }),
    forMs: options.watchMs,
  };
  return [
    ...facts.instances.map((one) =>
      steps.route(one, facts.directory, {
        from,
        to,
        oneWay: services.some(({ noRollback }) => noRollback !== undefined),
      }),
    ),
    ...(options.watchMs === 0 ? [] : [steps.watch(watched)]),
    ...setVersions([...services, ...also]),
    ...services.flatMap(({ gone }) => gone.map(steps.removeOld)),
    ...hookSteps('after', options.hooks.after, factsOfRelease(where, services)),
  ];
}

/** What a watch compares of services, and what of them it cannot. */
const comparisons = (services: readonly Released[]): Required<Pick<Watch, 'services' | 'incomparable'>> => ({
  services: services.flatMap(({ compared }) => (compared === undefined ? [] : [compared])),
  incomparable: services.flatMap((one) => {
    const why = whyIncomparable(one);
    return why === undefined ? [] : [`${one.facts.name}: ${why}`];
  }),
});

/** Each variable says the new version, once. */
export const setVersions = (services: readonly Pick<Released, 'variable' | 'version'>[]): Step[] =>
  distinct(
    services.flatMap(({ variable, version }) => ('why' in variable ? [] : [steps.setVersion(variable, version)])),
  );

export const variableTouches = (services: readonly Pick<Released, 'variable' | 'version'>[]): string[] => [
  ...new Set(
    services.flatMap(({ variable, version }) =>
      'why' in variable ? [] : [`${variable.file}: ${variable.name}=${version}`],
    ),
  ),
];

/** What going live touches beside the containers. */
export const liveTouches = (
  { facts }: Surroundings,
  services: readonly Released[],
  also: readonly Pick<Released, 'variable' | 'version'>[] = [],
): string[] => [
  ...facts.instances.map(({ name }) => `load balancer ${name}: one switch of ${namesOf(services)}`),
  ...variableTouches([...services, ...also]),
  ...services.flatMap((one) =>
    one.facts.live.map(({ name }) => `container ${name}: keeps running for a quick rollback`),
  ),
  ...services.flatMap(({ gone }) => gone.map(({ name }) => `container ${name}: removed once the new version is well`)),
];

/** What a new version beside the live one touches. */
export const preparedTouches = (wanted: readonly Wanted[]): string[] =>
  wanted.map(({ facts: { name, live, colour }, version }) => {
    const before = versionIn(live) ?? 'several versions';
    // What a container without a limit uses changes from look to look, and is no part of the plan.
    const limit = live[0]?.memoryLimit;
    const beside = `${plural(live.length, 'container')}${limit === undefined ? '' : ` of ${bytes(limit)}`}`;
    return `service ${name}: ${before} (${colour}) → ${version} (${other(colour)}); ${beside} beside what is live`;
  });

/** Services may share an image, or the variable of their version: it is pulled, or set, once. */
export const distinct = (all: readonly Step[]): Step[] =>
  all.filter(({ id }, index) => all.findIndex((one) => one.id === id) === index);

/** The URLs of services, each asked of the colour that is not live. */
export const asksOf = (
  services: readonly { smoke: string[]; facts: Pick<ServiceFacts, 'colour'> }[],
): Candidate['asks'] =>
  services.flatMap(({ smoke, facts: { colour } }) => smoke.map((url) => ({ url, colour: other(colour) })));

/** Where traffic goes once some services have changed their colour. */
export function flipped({ live }: Route, services: readonly ServiceFacts[]): Route {
  return { live: { ...live, ...Object.fromEntries(services.map(({ name, colour }) => [name, other(colour)])) } };
}

/** The container through which nginx is asked; what it says, all of them were seen to say. */
export function firstInstance({ instances }: Facts): Instance {
  const [instance] = instances;
  if (instance === undefined) throw new OpsError('BUG', 'a release was planned without a load balancer');
  return instance;
}

/** Whether a container still has something to end. */
export const isUp = ({ state }: { state: string }): boolean => !['created', 'exited', 'dead'].includes(state);

/** Ends a container that is not live. One of an older release in the live colour gets a share of what is live all the same. */
export const retire = (
  container: ContainerDetail,
  { colour }: Pick<ServiceFacts, 'colour'>,
  { facts, options }: Pick<Surroundings, 'facts' | 'options'>,
  why: string,
): Step[] => {
  const asked = colourOf(container) === colour;
  return steps.retire(container, {
    from: facts.balancers,
    drainMs: options.drainMs,
    asked,
    why: asked ? `it shares the network name of what is live and gets requests of it; ${why}` : why,
  });
};

export const summaryOf = (services: readonly Pick<Released, 'facts' | 'version'>[]): string =>
  services.map(({ facts: { name }, version }) => `${name} ${version}`).join(', ');

export const namesOf = (services: readonly Pick<Released, 'facts'>[]): string =>
  services.map(({ facts: { name } }) => name).join(', ');

/** What hooks are told, as environment variables. */
function factsOfRelease(
  { project, environment }: Surroundings,
  services: readonly Pick<Released, 'facts' | 'version'>[],
): Record<string, string> {
  return {
    OPSCTL_PROJECT: project,
    OPSCTL_ENVIRONMENT: environment,
    OPSCTL_SERVICES: services.map(({ facts: { name } }) => name).join(' '),
    OPSCTL_COLOURS: services.map(({ facts: { colour } }) => other(colour)).join(' '),
    OPSCTL_VERSION: [...new Set(services.map(({ version }) => version))].join(' '),
  };
}
