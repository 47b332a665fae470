import type { Connection } from './connections.ts';
import type { Part, Study } from './study.ts';
import { keyOf } from './key.ts';
import type { Entry } from './yaml-text.ts';

const SECTIONS = [
  { kind: 'database', key: 'databases', main: 'main', scheme: 'postgres' },
  { kind: 'cache', key: 'caches', main: 'main', scheme: 'redis' },
] as const;

const PASSWORDS = {
  database: ['POSTGRES_PASSWORD', 'POSTGRESQL_PASSWORD', 'PGPASSWORD'],
  cache: ['REDIS_PASSWORD', 'VALKEY_PASSWORD', 'REDISCLI_AUTH'],
} as const;

/** Databases and caches: those in containers of the project, then those outside that a service is told of. */
export function connectionEntries(study: Study): Entry[] {
  return SECTIONS.flatMap(({ kind, key, main, scheme }) => {
    const inside = study.parts.filter(({ role }) => role === kind);
    const outside = distinct(study, kind);
    const names = [...inside.map(({ service }) => service), ...outside.map(({ host }) => nameOf(host))];
    const [only] = names.length === 1 ? [main] : [];
    const entries = [
      ...inside.map((part) => insideEntry(part, kind, only ?? keyOf(part.service), numbersOf(study, part))),
      ...outside.map((one) => outsideEntry(one, scheme, only ?? nameOf(one.host))),
    ];
    return entries.length === 0 ? [] : [{ key, value: entries }];
  });
}

/** Several services usually share one database: one entry a host and database. */
function distinct({ connections, health }: Study, kind: Connection['kind']): Connection[] {
  const outside = connections.filter((one) => one.kind === kind && one.target === undefined);
  // The last of equals stays: one of a service that people know by its URL.
  const known = outside.toSorted((a, b) => Number(health.has(a.by)) - Number(health.has(b.by)));
  return [...new Map(known.map((one) => [`${one.host} ${one.parts?.database ?? ''}`, one])).values()];
}

const nameOf = (host: string): string => keyOf(/^[\d.]+$|:/.test(host) ? host : (host.split('.')[0] ?? ''));

/** Numbers of the databases of a cache that services are told to use. */
const numbersOf = ({ connections }: Study, { service }: Part): number[] => [
  ...new Set(connections.flatMap(({ target, number }) => (target === service && number !== undefined ? [number] : []))),
];

function insideEntry(part: Part, kind: Connection['kind'], key: string, numbers: readonly number[]): Entry {
  const known = PASSWORDS[kind].some((name) => name in part.environment || `${name}_FILE` in part.environment);
  const inCommand = part.command.some((word) => word.includes('requirepass'));
  const how =
    known || inCommand
      ? 'user and password are found through its container'
      : 'its container tells no password; where it wants one, add `password:`';
  // Where they use several, it is for people to say which one is meant.
  const [number = 0] = numbers.length === 1 ? numbers : [];
  const database: Entry[] = number === 0 ? [] : [{ key: 'database', value: number }];
  return { key, value: [{ key: 'service', value: part.service }, ...database], comment: `${part.because}; ${how}.` };
}

function outsideEntry(one: Connection, scheme: string, key: string): Entry {
  const { by, host, parts, urlVariable } = one;
  const source = urlVariable ?? 'the environment';
  const comment = `Outside of this project: ${source} of ${by} names ${host}, which has to be reached from where opsctl runs. The service is the one whose container has the variable.`;
  const service: Entry = { key: 'service', value: by };
  if (urlVariable !== undefined) {
    const tls = one.saysTls
      ? ''
      : ' The URL has no sslmode: away from this machine, TLS with a valid certificate is then wanted.';
    return {
      key,
      value: [service, { key: 'url', value: { inline: { container: urlVariable } } }],
      comment: comment + tls,
    };
  }
  const bracketed = host.includes(':') ? `[${host}]` : host;
  const user = parts?.user === undefined ? '' : `${encodeURIComponent(parts.user)}@`;
  const database = parts?.database === undefined ? '' : `/${encodeURIComponent(parts.database)}`;
  // As libpq does where nothing is said: TLS where the server has it.
  const mode = scheme === 'postgres' ? '?sslmode=prefer' : '';
  const variable = parts?.passwordVariable;
  const password: Entry[] =
    variable === undefined ? [] : [{ key: 'password', value: { inline: { container: variable } } }];
  return {
    key,
    value: [
      ...(variable === undefined ? [] : [service]),
      { key: 'url', value: `${scheme}://${user}${bracketed}:${parts?.port ?? ''}${database}${mode}` },
      ...password,
    ],
    comment: scheme === 'postgres' ? `${comment} Where the server has TLS, say sslmode=verify-full.` : comment,
  };
}
