/** What the set-up of a load balancer has to know: what nginx has on disk, what it runs with, where traffic goes. */
import { isOfPlatform, isOneOff, serviceOf } from '../core/containers.ts';
import { asOpsError } from '../core/errors.ts';
import type { Platform, Service } from '../core/platform.ts';
import type { Readers } from '../core/ports.ts';
import type { Container } from '../core/ports/engine.ts';
import type { TlsOptions } from '../core/ports/http.ts';
import type { Routing, Snippet, SnippetState } from '../core/ports/load-balancer.ts';
import {
  balancerOf,
  deployableServices,
  type Instance,
  replicasOfBalancer,
  runningInstances,
} from '../core/routing.ts';
import { HTTP_SNIPPET, portIn, SERVER_SNIPPET, snippetsFor, type Switched } from './snippets.ts';

/** What a service of the platform is to the load balancer. */
export interface SwitchedFacts extends Omit<Switched, 'port'> {
  /** Or why it is not known. */
  port: number | { why: string };
  /** Where its visitors come in; absent without a health URL. */
  url?: string;
  /** Its running containers, and the names that each has on its networks. */
  containers: { name: string; labels: Record<string, string>; aliases: string[] }[];
}

/** What a check can do without and still tell the rest. */
export type Part = 'version' | 'configuration' | 'switch' | 'files' | 'workers' | 'routing';

/** One nginx. Those that share a volume share their files, and each loads them for itself. */
export interface InstanceFacts extends Instance {
  /** By part, why it could not be asked; what stands here of it says nothing then. */
  unasked: Partial<Record<Part, string>>;
  version: string;
  /** Whether its configuration on disk loads, and what nginx said of it. */
  test: { ok: boolean; output: string };
  /** All of it, as nginx prints it; empty when it does not load. */
  configuration: string;
  /** What is to be in its directory: of a service whose port is not known, what is there now. */
  wanted: { files: Snippet[]; digest: string };
  /** What is there now in the place of each of them. */
  present: SnippetState[];
  /** By service with a URL: the digest that nginx runs with there, or why that cannot be told. */
  loaded: Record<string, { digest?: string } | { why: string }>;
  routing: Routing | { why: string } | undefined;
  canSwitch: boolean;
  /** Process ids of the workers that accept. */
  workers: number[];
}

export interface SetupFacts {
  directory: string;
  services: SwitchedFacts[];
  instances: InstanceFacts[];
  /** How the certificates of the URLs are verified. */
  tls?: TlsOptions;
}

/** For an answer of nginx itself, in ms. */
export const ASK_MS = 5000;

/** Asks for a part; what is found `otherwise` stands for one that could not be asked. */
type Ask = <T>(part: Part, asked: Promise<T>, otherwise: T) => Promise<T>;

/**
 * As a change needs it: all of it.
 * @throws NOT_CONFIGURED without a load balancer container or a deployable service, CONFIG_INVALID for services that nginx
 * cannot tell apart, UNSAFE when no load balancer runs
 */
export const observeSetup = (platform: Platform, readers: Readers): Promise<SetupFacts> =>
  observe(platform, readers, () => (_part, asked) => asked);

/** The same as a check wants it: what one nginx does not answer is not known, and the rest is. @throws as above */
export const observeForCheck = (platform: Platform, readers: Readers): Promise<SetupFacts> =>
  observe(platform, readers, (unasked) => async (part, asked, otherwise) => {
    try {
      return await asked;
    } catch (thrown) {
      const { code, message } = asOpsError(thrown);
      if (code === 'BUG') throw thrown;
      unasked[part] ??= message;
      return otherwise;
    }
  });

async function observe(
  platform: Platform,
  readers: Readers,
  askFor: (unasked: InstanceFacts['unasked']) => Ask,
): Promise<SetupFacts> {
  const { service: balancer, directory } = balancerOf(platform);
  const deployable = deployableServices(platform);
  const all = (await readers.engine.containers()).filter((one) => isOfPlatform(one, platform.compose.project));
  const entries = runningInstances(replicasOfBalancer(platform, all), balancer);
  const services = await Promise.all(
    deployable.map(async ([name, service]) => await switched(name, service, all, readers)),
  );
  return {
    directory,
    services,
    ...(platform.tls === undefined ? {} : { tls: platform.tls }),
    instances: await Promise.all(
      entries.map(async (instance) => {
        const unasked = {};
        const seen = await lookAt(instance, { directory, services }, { platform, readers, ask: askFor(unasked) });
        return { ...seen, unasked };
      }),
    ),
  };
}

async function switched(
  name: string,
  { service, port, health }: Service,
  all: readonly Container[],
  { replicas }: Readers,
): Promise<SwitchedFacts> {
  const own = all.filter((one) => serviceOf(one) === (service ?? name) && !isOneOff(one));
  const running = own.filter(({ state }) => state === 'running');
  const containers = await Promise.all(
    running.map(async ({ id, name: container, labels }) => {
      const { aliases } = await replicas.model(id);
      return { name: container, labels, aliases: Object.values(aliases).flat() };
    }),
  );
  return {
    name,
    port: port ?? (await portOf([...running, ...own], replicas)),
    ...(health === undefined ? {} : { url: health }),
    containers,
  };
}

/** By the image of the first of its containers: what does not run, as in a crash loop, would listen there all the same. */
async function portOf(own: readonly Container[], replicas: Readers['replicas']): Promise<SwitchedFacts['port']> {
  const [first] = own;
  const ports = first === undefined ? [] : ((await replicas.image(first.imageId))?.ports ?? []);
  const [only] = ports;
  if (only !== undefined && ports.length === 1) return only;
  return {
    why:
      first === undefined
        ? 'it has no container'
        : `its image exposes ${ports.length === 0 ? 'none' : ports.join(', ')}`,
  };
}

async function lookAt(
  instance: Instance,
  { directory, services }: Pick<SetupFacts, 'directory' | 'services'>,
  { platform: { tls }, readers, ask }: { platform: Platform; readers: Readers; ask: Ask },
): Promise<Omit<InstanceFacts, 'unasked'>> {
  const { loadBalancer } = readers;
  const { name: container } = instance;
  const [version, test, canSwitch, workers] = await Promise.all([
    ask('version', loadBalancer.version(container), ''),
    ask('configuration', loadBalancer.checkConfiguration(container), { ok: false, output: '' }),
    ask('switch', loadBalancer.canSwitch(container), false),
    ask('workers', loadBalancer.workers(container), []),
  ]);
  const present = await Promise.all(
    [HTTP_SNIPPET, SERVER_SNIPPET].map(async (name) => ({
      name,
      text: (await ask('files', loadBalancer.snippet(container, directory, name), undefined)) ?? null,
    })),
  );
  const texts = present.map(({ text }) => text);
  const switched = services.flatMap(({ name, port: known }) => {
    const port = typeof known === 'number' ? known : portIn(texts, name);
    return port === undefined ? [] : [{ name, port }];
  });
  const wanted = snippetsFor(switched, directory, version);
  const asked = services.flatMap(({ name, url }) => (url === undefined ? [] : [{ name, url }]));
  const loaded = await Promise.all(
    asked.map(async ({ name, url }): Promise<[string, InstanceFacts['loaded'][string]]> => {
      const answer = loadBalancer.loaded(container, directory, { url, timeoutMs: ASK_MS, tls });
      return [name, await answer.catch((thrown: unknown) => ({ why: asOpsError(thrown).message }))];
    }),
  );
  return {
    ...instance,
    version,
    test,
    configuration: test.ok ? await ask('configuration', loadBalancer.configuration(container), '') : '',
    wanted,
    present,
    loaded: Object.fromEntries(loaded),
    routing: await ask('routing', readable(loadBalancer.routing(container, directory)), undefined),
    canSwitch,
    workers,
  };
}

/** What is there and cannot be read is an answer, too. */
const readable = <T>(asked: Promise<T>): Promise<T | { why: string }> =>
  asked.catch((thrown: unknown) => {
    const { code, message } = asOpsError(thrown);
    if (code === 'BAD_ANSWER') return { why: message };
    throw thrown;
  });

/** Where traffic goes, where that can be told. */
export const routingOf = ({ routing }: InstanceFacts): Routing | undefined =>
  routing === undefined || 'why' in routing ? undefined : routing;

/** The services whose port is not known, and what is said of that. */
export const unknownPorts = (services: readonly SwitchedFacts[]): { name: string; message: string }[] =>
  services.flatMap(({ name, port }) =>
    typeof port === 'number' ? [] : [{ name, message: `the port of service ${name} is not known: ${port.why}` }],
  );

/** True when the files are on disk as they should be, as far as ports are known. */
export const isWritten = ({ wanted, present }: InstanceFacts): boolean =>
  wanted.files.every(({ name, text }) => present.some((one) => one.name === name && one.text === text));

/** True when nginx runs with them wherever that could be asked. */
export const isLoaded = ({ wanted, loaded }: InstanceFacts): boolean =>
  Object.values(loaded).every((one) => 'digest' in one && one.digest === wanted.digest);
