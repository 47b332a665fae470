import type { EngineReader } from '../core/ports/engine.ts';
import type { Found } from './facts.ts';
import { type Directive, includesOf, parseNginx, withIncludes } from './nginx-text.ts';

/** A path prefix that nginx passes on. */
export interface ProxyRoute {
  prefix: string;
  /** Host names that it goes to. */
  hosts: string[];
  /** The prefix is taken off before passing on. */
  strips: boolean;
}

/** What an nginx does, as far as its configuration tells. */
export interface NginxFacts {
  /** False when the configuration could not be read. */
  known: boolean;
  routes: ProxyRoute[];
  /** Paths that nginx answers by itself with 2xx: they say that it works, whatever is behind it. */
  own: string[];
  tlsPorts: number[];
}

const MAIN = '/etc/nginx/nginx.conf';
const MOST_FILES = 20;

/** Reads the configuration inside the container, includes followed where their names are known. */
export async function readNginx(engine: EngineReader, found: Found): Promise<NginxFacts> {
  const id = found.containers[0]?.id ?? '';
  const flag = found.command.indexOf('-c');
  const main = (flag >= 0 ? found.command[flag + 1] : undefined) ?? MAIN;
  const read = async (file: string): Promise<Directive[] | undefined> =>
    engine.readFile(id, file).then(parseNginx, () => undefined);
  const root = await read(main);
  if (root === undefined) return { known: false, routes: [], own: [], tlsPorts: [] };
  const mounted = found.containers[0]?.volumes.map(({ target }) => target) ?? [];
  const files = new Map<string, Directive[]>();
  const waiting = includesOf(root);
  for (const include of waiting) {
    if (files.has(include) || files.size >= MOST_FILES) continue;
    const names = expand(include, mounted);
    const parts = await Promise.all(names.map(read));
    const content = parts.flatMap((part) => part ?? []);
    files.set(include, content);
    waiting.push(...includesOf(content));
  }
  return factsOf(withIncludes(root, files));
}

/** Files that an include may mean: itself, or of a pattern those that are mounted there and the usual ones. */
function expand(include: string, mounted: string[]): string[] {
  const full = include.startsWith('/') ? include : `/etc/nginx/${include}`;
  if (full.endsWith('mime.types')) return [];
  if (!full.includes('*')) return [full];
  const folder = full.slice(0, full.lastIndexOf('/') + 1);
  const inside = mounted.filter((target) => target.startsWith(folder) && target.endsWith('.conf'));
  return [...new Set([...inside, `${folder}default.conf`, `${folder}default`])];
}

/** What the directives say, over all servers. */
export function factsOf(root: Directive[]): NginxFacts {
  const http = root.flatMap((one) => (one.name === 'http' ? one.block : [one]));
  const upstreams = new Map(
    http.filter(({ name }) => name === 'upstream').map(({ args, block }) => [args[0] ?? '', hostsOf(block)]),
  );
  const servers = http.filter(({ name }) => name === 'server');
  const routes = servers.flatMap(({ block }) => {
    const variables = new Map(
      block.filter(({ name }) => name === 'set').map(({ args }) => [args[0] ?? '', args[1] ?? '']),
    );
    return locations(block).flatMap((location) => routeOf(location, upstreams, variables));
  });
  const listens = servers.flatMap(({ block }) => block.filter(({ name }) => name === 'listen'));
  return {
    known: true,
    routes: [...new Map(routes.map((route) => [route.prefix, route])).values()],
    own: [...new Set(servers.flatMap(({ block }) => locations(block).filter(answersItself).map(pathOf)))],
    tlsPorts: listens
      .filter(({ args }) => args.includes('ssl'))
      .map(({ args }) => Number((args[0] ?? '').split(':').at(-1)))
      .filter((port) => port > 0),
  };
}

const locations = (block: Directive[]): Directive[] => block.filter(({ name }) => name === 'location');
const hostsOf = (block: Directive[]): string[] =>
  block.filter(({ name }) => name === 'server').map(({ args }) => (args[0] ?? '').replace(/:\d+$/, ''));
const pathOf = ({ args }: Directive): string => args.at(-1) ?? '/';

function answersItself({ args, block }: Directive): boolean {
  const answer = block.find(({ name }) => name === 'return')?.args[0] ?? '';
  return args[0] === '=' && /^2\d\d$/.test(answer);
}

function routeOf(
  location: Directive,
  upstreams: ReadonlyMap<string, string[]>,
  variables: ReadonlyMap<string, string>,
): ProxyRoute[] {
  const target = location.block.find(({ name }) => name === 'proxy_pass')?.args[0];
  const [modifier = ''] = location.args.length > 1 ? location.args : [];
  if (target === undefined || modifier.startsWith('~') || modifier === '=') return [];
  const local = new Map([
    ...variables,
    ...location.block.filter(({ name }) => name === 'set').map(({ args }) => [args[0] ?? '', args[1] ?? ''] as const),
  ]);
  const plain = target.replace(/\$\w+/g, (variable) => local.get(variable) ?? variable);
  const match = /^https?:\/\/([^/:]+)(?::[^/]*)?(\/.*)?$/.exec(plain);
  if (match === null) return [];
  const [, host = '', rest] = match;
  return [{ prefix: pathOf(location), hosts: upstreams.get(host) ?? [host], strips: rest !== undefined }];
}

/** The service that a host name means: its own name, a container's name, or the name with something after it. */
export function serviceOf(host: string, found: Found[]): string | undefined {
  const exact = found.find(
    ({ service, containers }) => service === host || containers.some(({ name }) => name === host),
  );
  if (exact !== undefined) return exact.service;
  // An alias, such as the colour of a release: the longest service name that it begins with.
  return found
    .map(({ service }) => service)
    .filter(
      (service) => host.startsWith(`${service}-`) || host.startsWith(`${service}_`) || host.startsWith(`${service}.`),
    )
    .toSorted((a, b) => b.length - a.length)[0];
}
