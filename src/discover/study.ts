import type { Readers } from '../core/ports.ts';
import type { Certificate } from '../core/ports/http.ts';
import { type Base, basesOf } from './addresses.ts';
import { type Connection, connectionsOf } from './connections.ts';
import { type Facts, type Found, observe } from './facts.ts';
import { metricLabels } from './metrics.ts';
import { balancerHealth, bestOf, directCandidates, type Health, HEALTH_PATHS, routedCandidates } from './probe.ts';
import { type Guess, roleOf } from './roles.ts';
import { type NginxFacts, readNginx, serviceOf } from './routes.ts';

/** A service with its role. */
export interface Part extends Found, Guess {}

/** An nginx that may be the load balancer. */
export interface Balancer {
  part: Part;
  bases: Base[];
  facts: NginxFacts;
  health?: Health;
  certificate?: Certificate;
}

/** All that is known of a project before a word is written. */
export interface Study {
  facts: Facts;
  parts: Part[];
  balancer?: Balancer;
  /** By service. */
  health: Map<string, Health>;
  connections: Connection[];
  /** Values of the label `service` in Prometheus; undefined when it could not be asked. */
  labels?: string[];
  /** Compose files and .env, with what is there on this machine. */
  files: { compose: LocalFile[]; env?: LocalFile };
}

/** A file that a label of compose names. */
export interface LocalFile {
  path: string;
  here: boolean;
}

/** What discovery looks with. */
export type Eyes = Pick<Readers, 'engine' | 'http' | 'files'>;

/** Looks at a running compose project: containers, what answers, what the configuration of nginx says. */
export async function study(eyes: Eyes, project: string | undefined): Promise<Study> {
  const facts = await observe(eyes.engine, project);
  const balancers = await nginxes(eyes, facts);
  const balancer = balancers.find(isBalancer);
  const connections = await connectionsOf(
    eyes.engine,
    facts.found.filter((one) => roleOf(one).role === 'service'),
    facts.found,
  );
  const parts = facts.found.map((one) => partOf(one, balancer, connections));
  const prometheus = parts.find(({ role }) => role === 'prometheus');
  const [health, labels, files] = await Promise.all([
    healthOf(eyes, facts, parts, balancer),
    prometheus === undefined ? undefined : metricLabels(eyes.http, prometheus, facts.engine),
    filesOf(eyes, facts),
  ]);
  return {
    facts,
    parts,
    ...(balancer === undefined ? {} : { balancer: await withAnswers(eyes, balancer) }),
    health,
    connections,
    ...(labels === undefined ? {} : { labels }),
    files,
  };
}

async function nginxes({ engine }: Eyes, facts: Facts): Promise<Balancer[]> {
  const candidates = facts.found.map((one) => ({ ...one, ...roleOf(one) })).filter(({ role }) => role === 'nginx');
  const all = await Promise.all(
    candidates.map(async (part) => {
      const known = await readNginx(engine, part);
      return { part, facts: known, bases: basesOf(part, facts.engine, known.tlsPorts) };
    }),
  );
  // The one that passes most on, and that the outside can reach.
  const weight = ({ facts: { routes }, bases }: Balancer): number => (bases.length > 0 ? 1000 : 0) + routes.length;
  return all.toSorted((a, b) => weight(b) - weight(a));
}

/** An nginx that serves files only is a service like any other. */
const isBalancer = ({ facts, bases }: Balancer): boolean =>
  facts.routes.length > 0 || (!facts.known && bases.length > 0);

function partOf(found: Found, balancer: Balancer | undefined, connections: Connection[]): Part {
  const guess = roleOf(found);
  if (guess.role === 'nginx' && found.service !== balancer?.part.service)
    return { ...found, role: 'service', because: 'an nginx that passes nothing on' };
  const named = guess.role === 'service' ? connections.find(({ target }) => target === found.service) : undefined;
  if (named === undefined) return { ...found, ...guess };
  const how = named.urlVariable ?? 'environment';
  return { ...found, role: named.kind, because: `${how} of ${named.by} names it` };
}

async function healthOf(
  eyes: Eyes,
  facts: Facts,
  parts: Part[],
  balancer: Balancer | undefined,
): Promise<Map<string, Health>> {
  const services = parts.filter(({ role }) => role === 'service');
  const found = await Promise.all(
    services.map(async (part) => {
      const behind = balancer === undefined ? [] : behindBalancer(balancer, part, facts.found, services.length === 1);
      const bases = basesOf(part, facts.engine);
      const best = await bestOf(eyes.http, [...behind, ...directCandidates(bases)]);
      const answer = best ?? (await rootOf(eyes, balancer, part, facts.found, bases));
      return answer === undefined ? [] : [[part.service, answer] as const];
    }),
  );
  return new Map(found.flat());
}

function behindBalancer(
  { bases, facts }: Balancer,
  part: Found,
  all: Found[],
  only: boolean,
): { url: string; because: string }[] {
  const own = facts.routes.filter(({ hosts }) => hosts.some((host) => serviceOf(host, all) === part.service));
  if (facts.known || own.length > 0) return routedCandidates(bases, own, facts.routes);
  // Nothing is known of where paths lead: only one that has the service's own name is believed.
  const paths = HEALTH_PATHS.filter((path) => only || path.startsWith(`/${part.service}/`));
  return bases.flatMap(({ url }) =>
    paths.map((path) => ({ url: `${url}${path}`, because: 'answers at the load balancer' })),
  );
}

/** The front page, for a service that has nothing better. */
async function rootOf(
  eyes: Eyes,
  balancer: Balancer | undefined,
  part: Found,
  all: Found[],
  bases: Base[],
): Promise<Health | undefined> {
  const isFront = balancer?.facts.routes.some(
    ({ prefix, hosts }) => prefix === '/' && hosts.some((host) => serviceOf(host, all) === part.service),
  );
  for (const { url } of [...(isFront === true ? (balancer?.bases ?? []) : []), ...bases]) {
    const answer = await eyes.http
      .get(`${url}/`, { timeoutMs: 2500, ...(url.startsWith('https') ? { tls: { insecure: true } } : {}) })
      .catch(() => undefined);
    if (answer !== undefined && answer.status < 300)
      return {
        url: `${url}/`,
        status: answer.status,
        body: '',
        json: false,
        because: 'no health path answers, but the front page does',
      };
  }
  return undefined;
}

async function withAnswers({ http }: Eyes, balancer: Balancer): Promise<Balancer> {
  const secure = balancer.bases.find((base) => base.secure);
  const [health, certificate] = await Promise.all([
    balancerHealth(http, balancer.bases, balancer.facts),
    secure === undefined ? undefined : http.certificate(secure.url, { timeoutMs: 2500 }).catch(() => undefined),
  ]);
  return {
    ...balancer,
    ...(health === undefined ? {} : { health }),
    ...(certificate === undefined ? {} : { certificate }),
  };
}

const LABEL = 'com.docker.compose.project';

async function filesOf({ files }: Eyes, { found }: Facts): Promise<Study['files']> {
  const labels = found
    .flatMap(({ containers }) => containers.map((one) => one.labels))
    .find((one) => (one[`${LABEL}.config_files`] ?? '') !== '');
  const directory = labels?.[`${LABEL}.working_dir`] ?? '';
  const absolute = (file: string): string =>
    /^([/\\]|[A-Za-z]:)/.test(file) || directory === '' ? file : `${directory}/${file}`;
  const here = async (path: string): Promise<LocalFile> => ({
    path,
    here: await files.modifiedAt(path).then(
      (at) => at !== undefined,
      () => false,
    ),
  });
  const named = (labels?.[`${LABEL}.config_files`] ?? '').split(',').filter((file) => file !== '' && file !== '-');
  const [env = ''] = (labels?.[`${LABEL}.environment_file`] ?? (directory === '' ? '' : '.env')).split(',');
  const [compose, envFile] = await Promise.all([
    Promise.all(named.map((file) => here(absolute(file)))),
    env === '' ? undefined : here(absolute(env)),
  ]);
  return { compose, ...(envFile === undefined ? {} : { env: envFile }) };
}
