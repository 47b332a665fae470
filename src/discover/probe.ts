import type { HttpAnswer, HttpReader } from '../core/ports/http.ts';
import type { Base } from './addresses.ts';
import type { NginxFacts, ProxyRoute } from './routes.ts';

/** Paths under which health is usually told, the likeliest first. */
export const HEALTH_PATHS = ['/health', '/healthz', '/api/health', '/api/healthz', '/status', '/ping'];
const TIMEOUT_MS = 2500;

/** A health URL that answered. */
export interface Health {
  url: string;
  status: number;
  body: string;
  json: boolean;
  because: string;
}

/** Asks many URLs at once and gives the best answer, by kind first and by order among equals. */
export async function bestOf(
  http: HttpReader,
  candidates: { url: string; because: string }[],
): Promise<Health | undefined> {
  const unique = [...new Map(candidates.map((one) => [one.url, one])).values()];
  const seen = await Promise.all(unique.map((one) => ask(http, one)));
  return seen.filter((one) => one !== undefined).toSorted((a, b) => rank(a) - rank(b))[0];
}

/** JSON tells most, even when it tells that something is down now; a web page is no health answer. */
function rank({ json, status }: Health): number {
  if (json) return status < 300 ? 0 : 1;
  return 2;
}

async function ask(http: HttpReader, { url, because }: { url: string; because: string }): Promise<Health | undefined> {
  const answer = await get(http, url);
  if (answer === undefined) return undefined;
  const json = isObject(answer.body);
  const said = (answer.headers['content-type'] ?? '').includes('html') ? 'html' : 'text';
  // 503 is how a health endpoint says that something is down; other errors say that the path is none.
  const usable = json ? answer.status < 300 || answer.status === 503 : answer.status < 300 && said === 'text';
  return usable ? { url, status: answer.status, body: answer.body, json, because } : undefined;
}

/** One answer, whoever signed the certificate: discovery only looks. Undefined when there is none. */
export async function get(http: HttpReader, url: string): Promise<HttpAnswer | undefined> {
  const tls = url.startsWith('https:') ? { tls: { insecure: true } } : {};
  return http.get(url, { timeoutMs: TIMEOUT_MS, ...tls }).catch(() => undefined);
}

function isObject(body: string): boolean {
  try {
    const value: unknown = JSON.parse(body);
    return value !== null && typeof value === 'object' && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** Health URLs of a service on its own published ports. */
export const directCandidates = (bases: Base[]): { url: string; because: string }[] =>
  bases.flatMap((base) =>
    HEALTH_PATHS.map((path) => ({ url: `${base.url}${path}`, because: 'answers on its published port' })),
  );

/** Health URLs of a service behind the load balancer: those that its configuration passes to it. */
export function routedCandidates(
  bases: Base[],
  own: ProxyRoute[],
  all: ProxyRoute[],
): { url: string; because: string }[] {
  return bases.flatMap((base) =>
    own.flatMap((route) =>
      pathsUnder(route)
        .filter((path) => longest(path, all) === route)
        .map((path) => ({ url: `${base.url}${path}`, because: `nginx passes ${route.prefix} on to it` })),
    ),
  );
}

/** A prefix that is taken off has the service's own paths below it; one that stays has those that begin with it. */
function pathsUnder({ prefix, strips }: ProxyRoute): string[] {
  const base = prefix.replace(/\/$/, '');
  const below = HEALTH_PATHS.map((path) => `${base}${path}`);
  return strips || base === '' ? below : [...HEALTH_PATHS.filter((path) => path.startsWith(prefix)), ...below];
}

const longest = (path: string, routes: ProxyRoute[]): ProxyRoute | undefined =>
  routes.filter(({ prefix }) => path.startsWith(prefix)).toSorted((a, b) => b.prefix.length - a.prefix.length)[0];

/** A URL that the load balancer answers, by itself where its configuration has such a path. */
export async function balancerHealth(http: HttpReader, bases: Base[], facts: NginxFacts): Promise<Health | undefined> {
  for (const base of bases) {
    for (const path of [...facts.own, '/']) {
      const answer = await get(http, `${base.url}${path}`);
      const itself = path !== '/' || facts.own.includes('/');
      if (answer === undefined || (itself && answer.status >= 300) || answer.status === 400) continue;
      const because = itself ? 'nginx answers this path by itself' : `nginx answers ${answer.status.toString()} there`;
      return { url: `${base.url}${path}`, status: answer.status, body: '', json: false, because };
    }
  }
  return undefined;
}
