/** What nginx must be told so that deploys can switch traffic without a reload. */
import { createHash } from 'node:crypto';

import { COLOURS, type Snippet, TOKEN } from '../core/ports/load-balancer.ts';
import { aliasOf, CONFIRM_PATH, PROBE_HEADER, VISITOR_COOKIE, wordOf } from '../core/routing.ts';

/** A service whose traffic is switched. */
export interface Switched {
  name: string;
  port: number;
}

/** Since this version an upstream may name servers that are looked up again and again (`resolve`), also in the free edition. */
export const RESOLVES_SINCE = '1.27.3';
/** Since this version a reload can leave idle connections open for as long as a client that is just sending needs. */
export const KEEPS_IDLE_SINCE = '1.27.4';

/** Idle connections are dropped before Node, whose default is 5 s, drops them: none is used while it closes. */
const UPSTREAM_KEEPALIVE = '4s';
/** A canary's visitor stays with it for a day. */
const COOKIE_SECONDS = 86_400;
const BUCKETS = 100;

/** Files below the directory, by where the configuration includes them. */
export const HTTP_SNIPPET = 'http/opsctl.conf';
export const SERVER_SNIPPET = 'server/opsctl.conf';

/** The variable by which a service's location passes requests on: `$api_upstream`. */
export const variableOf = (service: string): string => `$${wordOf(service)}_upstream`;

/** Whether a configuration, as nginx prints it, includes a file: nginx read it there, or would if it were there. */
export function includes(configuration: string, path: string): boolean {
  if (configuration.includes(`# configuration file ${path}:`)) return true;
  const written = configuration.replaceAll(/(?:^|\s)#.*$/gm, '');
  return [...written.matchAll(/(?:^|[\s;{}])include\s+["']?([^\s;"']+)["']?\s*;/g)].some(([, pattern = '']) =>
    globOf(pattern).test(path),
  );
}

const globOf = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern.replaceAll(/[^\w/*?]/g, String.raw`\$&`).replaceAll(/[*?]/g, (one) => (one === '*' ? '[^/]*' : '[^/]'))}$`,
  );

/** True when a version is at least another; both are three numbers. */
export function isAtLeast(version: string, wanted: string): boolean {
  const [a, b] = [version, wanted].map((text) => text.split('.').map(Number));
  for (const [index, number] of (b ?? []).entries()) {
    const own = a?.[index] ?? 0;
    if (own !== number) return own > number;
  }
  return true;
}

/** The files, the same for the same services and version, and by what nginx tells that it runs with them. */
export function snippetsFor(
  services: readonly Switched[],
  directory: string,
  version: string,
): { files: Snippet[]; digest: string } {
  const named = isAtLeast(version, RESOLVES_SINCE);
  const http = httpSnippet(services, named);
  const server = serverSnippet(services, directory, named);
  const digest = createHash('sha256').update(http).update(server).digest('hex').slice(0, 12);
  return {
    digest,
    files: [
      { name: HTTP_SNIPPET, text: http },
      { name: SERVER_SNIPPET, text: `${server}${confirmation(digest)}` },
    ],
  };
}

/** The port at which files that are on disk reach a service; undefined where they do not name it. */
export function portIn(texts: readonly (string | null)[], name: string): number | undefined {
  const places = [
    `server ${aliasOf(name, COLOURS[0])}:`,
    `set ${variableOf(name)} ${name}-$opsctl_colour_${wordOf(name)}:`,
  ];
  const [port] = texts.flatMap((text) =>
    places.flatMap((place) => /^\d+/.exec((text ?? '').split(place)[1] ?? '')?.[0] ?? []),
  );
  return port === undefined ? undefined : Number(port);
}

/** Tells the set-up which snippets nginx runs with, and a deploy that its probes are understood. */
const confirmation = (digest: string): string => `
location = ${CONFIRM_PATH} {
    if ($opsctl_probe = "") { return 404; }
    default_type text/plain;
    return 200 "opsctl ${digest} $opsctl_probe";
}
`;

const HEAD = '# Written by `opsctl lb setup`, which replaces what is changed here.\n';

function httpSnippet(services: readonly Switched[], named: boolean): string {
  const buckets = Array.from({ length: BUCKETS - 1 }, (_, bucket) => `    1% ${bucket.toString()};`).join('\n');
  return `${HEAD}
# A visitor keeps the version that he got: by his cookie, else by this one request.
map $cookie_${VISITOR_COOKIE} $opsctl_visitor {
    default $cookie_${VISITOR_COOKIE};
    ""      $request_id;
}
split_clients $opsctl_visitor $opsctl_bucket {
${buckets}
    * ${(BUCKETS - 1).toString()};
}
# Only who knows the token may ask for a colour.
map $http_${wordOf(PROBE_HEADER)} $opsctl_probe {
    default "";
${COLOURS.map((colour) => `    "${colour}-${TOKEN}" ${colour};`).join('\n')}
}
${services.flatMap((service) => (named ? COLOURS.map((colour) => upstream(service, colour)) : [])).join('')}`;
}

const upstream = ({ name, port }: Switched, colour: (typeof COLOURS)[number]): string => `
upstream ${wordOf(name)}_${colour} {
    zone ${wordOf(name)}_${colour} 64k;
    server ${aliasOf(name, colour)}:${port.toString()} resolve;
    keepalive 32;
    keepalive_timeout ${UPSTREAM_KEEPALIVE};
}
`;

function serverSnippet(services: readonly Switched[], directory: string, named: boolean): string {
  return `${HEAD}
# Whatever is asked about a file is asked at each request.
open_file_cache off;

set $opsctl_cookie "";
if (-f ${directory}/live/canary) {
    set $opsctl_cookie "${VISITOR_COOKIE}=$opsctl_visitor; Path=/; Max-Age=${COOKIE_SECONDS.toString()}; HttpOnly; SameSite=Lax";
}
if ($cookie_${VISITOR_COOKIE} != "") { set $opsctl_cookie ""; }
# Who asks for a colour is shown that the cookie arrives, and is no visitor.
if ($opsctl_probe != "") { set $opsctl_cookie "${VISITOR_COOKIE}=; Path=/; Max-Age=0"; }
# A location with an add_header of its own needs this line, too.
add_header Set-Cookie $opsctl_cookie always;
${services.map((service) => choice(service, directory, named)).join('')}`;
}

function choice({ name, port }: Switched, directory: string, named: boolean): string {
  // A service may be called as one of our own variables is: `probe`, say.
  const colour = `$opsctl_colour_${wordOf(name)}`;
  const file = `${directory}/live/${name}`;
  const target = named ? `${wordOf(name)}_${colour}` : `${name}-${colour}:${port.toString()}`;
  return `
set ${colour} blue;
if (-f ${file}.green) { set ${colour} green; }
if (-f ${file}.blue-$opsctl_bucket) { set ${colour} blue; }
if (-f ${file}.green-$opsctl_bucket) { set ${colour} green; }
if ($opsctl_probe != "") { set ${colour} $opsctl_probe; }
set ${variableOf(name)} ${target};
`;
}
