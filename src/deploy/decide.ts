/** Which release is wanted: versions, images, and whether there is room for it. */
import { OpsError } from '../core/errors.ts';
import { bytes } from '../core/format.ts';
import type { Platform } from '../core/platform.ts';
import type { Readers } from '../core/ports.ts';
import { withVersion } from './image.ts';
import type { Facts, ServiceFacts } from './observe.ts';
import { isStranded } from './observe.ts';
import type { Wanted } from './request.ts';
import { smokeUrls } from './smoke.ts';
import { tagIn, versionVariable } from './version-variable.ts';

/** What the user asks for. */
export interface Asked {
  version: string;
  /** Configured services; none: all that are deployable. */
  services: readonly string[];
  /** Why nobody may roll back past this version. */
  noRollback: string | undefined;
}

/** The label by which an image itself says that the version before cannot work with what its migrations made. */
const NO_ROLLBACK_LABEL = 'opsctl.rollback.forbidden';

/** @throws USAGE, NOT_FOUND for a version without an image, UNSAFE for what cannot run twice */
export async function decide(asked: Asked, facts: Facts, platform: Platform, readers: Readers): Promise<Wanted[]> {
  mustBeDeployable(asked.services, facts);
  const selected = (name: string): boolean => asked.services.length === 0 || asked.services.includes(name);
  return await Promise.all(
    facts.services
      .filter(({ name }) => selected(name))
      .map(async (one) => {
        const found = await wanted(one, asked, platform, readers);
        if (!found.same) await mustBearTwo(one, readers);
        return found;
      }),
  );
}

/** @throws USAGE for a name that is none of them */
export function mustBeDeployable(names: readonly string[], { services }: Facts): void {
  const unknown = names.find((name) => !services.some((one) => one.name === name));
  if (unknown === undefined) return;
  throw new OpsError('USAGE', `${unknown} is no deployable service`, {
    hint: `Those are: ${services.map(({ name }) => name).join(', ')}`,
  });
}

async function wanted(facts: ServiceFacts, asked: Asked, platform: Platform, readers: Readers): Promise<Wanted> {
  const { name, live } = facts;
  const [model] = live;
  if (model === undefined) {
    throw new OpsError('UNSAFE', `service ${name} has no live container that a new one could be made after`, {
      hint: isStranded(facts)
        ? 'Send visitors to what runs, then deploy again: opsctl deploy blue-green --rollback'
        : 'Start it once with compose, then deploy again: opsctl deploy status',
    });
  }
  const service = platform.services[name];
  const { version } = asked;
  const image = withVersion(model.image, version);
  const { expects, missing, labels } = await imageOf(image, readers);
  // By its tag, as it is asked for: a label of the image may call the version otherwise. Of another image, the same tag is another release.
  const same = tagIn(live) === version && live.every(({ imageId }) => imageId === expects);
  const noRollback = asked.noRollback ?? labels[NO_ROLLBACK_LABEL];
  return {
    facts,
    version,
    same,
    image,
    expects,
    missing,
    ...(noRollback === undefined || noRollback === '' ? {} : { noRollback }),
    variable: await versionVariable(name, platform, readers.files),
    ...(service?.releaseCommand === undefined ? {} : { releaseCommand: service.releaseCommand }),
    metrics: service?.metrics ?? name,
    smoke: smokeUrls(service),
    memory: model.memoryLimit ?? (await readers.engine.quickUsage([model.id])).get(model.id)?.memory ?? 0,
  };
}

/** What the engine has counts first: a tag that was built here is not to be replaced by another of that name. */
async function imageOf(
  image: string,
  { replicas }: Readers,
): Promise<{ expects: string; missing: boolean; labels: Record<string, string> }> {
  const here = await replicas.image(image);
  if (here !== undefined) return { expects: here.id, missing: false, labels: here.labels };
  try {
    return { expects: await replicas.registryDigest(image), missing: true, labels: {} };
  } catch (thrown) {
    const why = thrown instanceof OpsError ? thrown : undefined;
    throw new OpsError(
      'NOT_FOUND',
      `there is no image ${image}: the engine does not have it, and ${why === undefined ? 'no registry answers' : `its registry does not give it (${why.message})`}`,
      { hint: `Build or pull it, then deploy again: docker pull ${image}`, cause: thrown },
    );
  }
}

/** Two containers cannot listen on the same port of the host, or have the same address. */
async function mustBearTwo({ name, live }: ServiceFacts, { replicas }: Readers): Promise<void> {
  const models = await Promise.all(live.map(async (one) => ({ one, facts: await replicas.model(one.id) })));
  const single = models.find(({ facts }) => facts.alone !== undefined);
  if (single !== undefined)
    throw new OpsError(
      'UNSAFE',
      `${single.one.name} ${single.facts.alone ?? ''}, so a second ${name} cannot run beside it`,
      { hint: 'Change that in the compose file, start the service anew with compose, then deploy again.' },
    );
  const taken = models.find(({ facts }) => facts.published.some(({ port }) => port > 0));
  const [port] = taken?.facts.published ?? [];
  if (taken === undefined || port === undefined) return;
  throw new OpsError(
    'UNSAFE',
    `${taken.one.name} takes port ${port.port.toString()} of the host, so a second ${name} cannot run beside it`,
    { hint: 'Let only the load balancer publish ports: remove `ports` of the service from the compose file.' },
  );
}

/**
 * What still runs of the release before is not counted: it is stopped before the new one starts.
 * @throws UNSAFE when two colours would not fit into the engine's memory
 */
export async function mustFit(wanted: readonly Wanted[], { engine }: Readers): Promise<void> {
  const all = await engine.containers();
  const running = all.filter(({ state }) => state === 'running').map(({ id }) => id);
  const [info, usage] = await Promise.all([engine.info(), engine.quickUsage(running)]);
  const memoryOf = (ids: Iterable<string>): number =>
    [...ids].reduce((sum, id) => sum + (usage.get(id)?.memory ?? 0), 0);
  const used = memoryOf(usage.keys());
  const freed = memoryOf(wanted.flatMap(({ facts }) => facts.previous.map(({ id }) => id)));
  const needed = wanted.reduce((sum, one) => sum + one.memory * one.facts.live.length, 0);
  if (used - freed + needed <= info.memory) return;
  const first = freed === 0 ? '' : ` once the release before, with ${bytes(freed)}, is stopped`;
  throw new OpsError(
    'UNSAFE',
    `there is not enough memory for two colours: ${bytes(needed)} more are needed, containers use ${bytes(used - freed)} of ${bytes(info.memory)}${first}`,
    {
      hint: 'Free memory (opsctl stats --memory), or accept the risk: --force',
      details: { needed, used: used - freed, freed, total: info.memory },
    },
  );
}
