/** Which containers get visitors: by what the load balancers say, never by labels alone, which do not change at a switch. */
import { deployOf, isOfPlatform, isOneOff, newestDeploy, serviceOf } from './containers.ts';
import type { Platform } from './platform.ts';
import type { Readers } from './ports.ts';
import type { Container } from './ports/engine.ts';
import type { Colour, Routing } from './ports/load-balancer.ts';
import { colourIn, colourOf, deployableServices, places } from './routing.ts';
import { agreed, ask } from './told.ts';

/** Where visitors go, as far as that is known. */
export interface Live {
  /** The live colour of a service, as compose calls it; undefined where nobody can tell, or it is in no release. */
  colour(service: string): Colour | undefined;
  /** Whether a container is of a release that gets visitors, a canary's too; undefined where nobody can tell. */
  has(container: Container): boolean | undefined;
}

/** For a platform of which nobody can tell. */
export const UNKNOWN: Live = { colour: () => undefined, has: () => undefined };

/** Asks the load balancers of a platform. Never throws: what cannot be known is unknown. @param containers all there are */
export async function whatIsLive(
  platform: Platform,
  containers: readonly Container[],
  readers: Pick<Readers, 'loadBalancer'>,
): Promise<Live> {
  const { service, directory } = platform.loadBalancer ?? {};
  if (service === undefined || directory === undefined) return UNKNOWN;
  try {
    const routing = agreed(await ask(places(platform, containers).instances, directory, readers));
    return routing === undefined ? UNKNOWN : liveBy(routing, platform, containers);
  } catch {
    // That the engine does not answer is told by whoever looks at it.
    return UNKNOWN;
  }
}

function liveBy(routing: Routing, platform: Platform, containers: readonly Container[]): Live {
  const names = new Map(deployableServices(platform).map(([name, one]) => [one.service ?? name, name]));
  const colour: Live['colour'] = (service) => {
    const name = names.get(service);
    return name === undefined ? undefined : colourIn(routing, name);
  };
  return {
    colour,
    has: (container) => {
      const service = serviceOf(container);
      const [live, name] = [colour(service), names.get(service)];
      if (live === undefined || name === undefined || isOneOff(container)) return undefined;
      const own = colourOf(container);
      if (own !== live && routing.canary?.services.includes(name) !== true) return false;
      // What a newer deploy left in the same colour has none of its traffic, once it is stopped.
      const beside = containers.filter(
        (one) => isOfPlatform(one, platform.compose.project) && serviceOf(one) === service && colourOf(one) === own,
      );
      return deployOf(container) === newestDeploy(beside);
    },
  };
}

/** A container that was stopped, of a release that gets no visitors: as it should be. */
export const isRetired = (container: Container, live: Live): boolean =>
  (container.state === 'exited' || container.state === 'created') && live.has(container) === false;
