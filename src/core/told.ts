/** What each load balancer says of where traffic goes, and whether they say the same. */
import { OpsError } from './errors.ts';
import type { Readers } from './ports.ts';
import type { Routing } from './ports/load-balancer.ts';
import { type Instance, sameRoute } from './routing.ts';

/** What one of them says: undefined where it was never told, an error where that cannot be read. */
export interface Told {
  instance: Instance;
  said: Routing | OpsError | undefined;
}

/** One that can tell. */
export interface Known extends Told {
  said: Routing;
}

export const knows = (one: Told): one is Known => one.said !== undefined && !(one.said instanceof OpsError);

/** What the state of a load balancer may cause. All else is the engine's, which then cannot be asked. */
const OF_ITS_STATE: readonly string[] = ['BAD_ANSWER', 'NOT_FOUND', 'REJECTED'];

/** Asks all of them. @throws when the engine cannot be asked */
export const ask = async (
  instances: readonly Instance[],
  directory: string,
  { loadBalancer }: Pick<Readers, 'loadBalancer'>,
): Promise<Told[]> =>
  await Promise.all(
    instances.map(async (instance) => {
      try {
        return { instance, said: await loadBalancer.routing(instance.name, directory) };
      } catch (thrown) {
        if (thrown instanceof OpsError && OF_ITS_STATE.includes(thrown.code)) return { instance, said: thrown };
        throw thrown;
      }
    }),
  );

/** What each of them says; nothing when one of them cannot tell, since visitors may come in there. */
export const routingsOf = (told: readonly Told[]): Routing[] => (told.every(knows) ? told.map(({ said }) => said) : []);

/** What all of them say; undefined when one cannot tell, or they do not say the same. */
export function agreed(told: readonly Told[]): Routing | undefined {
  const routings = routingsOf(told);
  const [first] = routings;
  return first !== undefined && routings.every((one) => sameRoute(one, first)) ? first : undefined;
}

export const notSetUp = (who: string): string => `${who} is not set up for deploys, so traffic cannot be switched`;
