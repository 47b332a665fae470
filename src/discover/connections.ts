import type { EngineReader } from '../core/ports/engine.ts';
import { Secret } from '../core/secret.ts';
import type { Found } from './facts.ts';
import { serviceOf } from './routes.ts';

/** How a service is told where its database or cache is. No secret is kept here, only names of variables. */
export interface Connection {
  kind: 'database' | 'cache';
  /** The service whose environment tells. */
  by: string;
  host: string;
  /** The compose service that the host is; absent when it is outside. */
  target?: string;
  /** Variable that holds the whole URL. */
  urlVariable?: string;
  /** Whether the URL says how to use TLS. */
  saysTls: boolean;
  /** Of a cache, where it is told: the number of its database. */
  number?: number;
  /** Where there is no URL: parts of it, and the variable of the password. */
  parts?: { port: string; user?: string; database?: string; passwordVariable?: string };
}

const URL_SCHEMES = { database: /^postgres(ql)?(\+\w+)?:$/, cache: /^(redis|valkey)s?:$/ } as const;
const PREFIXES = {
  database: ['PG', 'POSTGRES_', 'POSTGRESQL_', 'DB_', 'DATABASE_'],
  cache: ['REDIS_', 'VALKEY_', 'CACHE_'],
} as const;
const USUAL_PORT = { database: '5432', cache: '6379' } as const;

/** All that the services' environments tell of databases and caches. */
export async function connectionsOf(engine: EngineReader, users: Found[], all: Found[]): Promise<Connection[]> {
  const each = await Promise.all(users.map((user) => ofService(engine, user, all)));
  return each.flat();
}

async function ofService(engine: EngineReader, user: Found, all: Found[]): Promise<Connection[]> {
  const environment = await resolved(engine, user);
  return (['database', 'cache'] as const).flatMap((kind) => {
    const urls = Object.entries(environment).flatMap(([variable, value]) =>
      fromUrl(kind, user.service, variable, value),
    );
    const found = urls.length > 0 ? urls : fromParts(kind, user.service, environment);
    return found.map((one) => {
      const target = serviceOf(one.host, all);
      return target === undefined ? one : { ...one, target };
    });
  });
}

/** Variables, with those that name a file read: `DATABASE_URL_FILE` stands for DATABASE_URL. */
async function resolved(engine: EngineReader, user: Found): Promise<Record<string, string>> {
  const files = Object.entries(user.environment).filter(([name]) => /(URL|URI|DSN)_FILE$/.test(name));
  const read = await Promise.all(
    files.map(async ([name, file]) => {
      const text = await engine.readFile(user.containers[0]?.id ?? '', file).catch(() => '');
      return [name.replace(/_FILE$/, ''), text.trim()] as const;
    }),
  );
  return { ...Object.fromEntries(read), ...user.environment };
}

function fromUrl(kind: Connection['kind'], by: string, variable: string, value: string): Connection[] {
  const url = URL.parse(value);
  if (url === null || !URL_SCHEMES[kind].test(url.protocol) || url.hostname === '') return [];
  // Known from here on, so that nothing that is printed can repeat it.
  if (url.password !== '') new Secret(url.password);
  const saysTls = kind === 'cache' || url.searchParams.has('sslmode');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return [{ kind, by, host, urlVariable: variable, saysTls, ...numberOf(kind, url.pathname.slice(1)) }];
}

const numberOf = (kind: Connection['kind'], text: string | undefined): { number?: number } =>
  kind === 'cache' && /^\d{1,4}$/.test(text ?? '') ? { number: Number(text) } : {};

function fromParts(kind: Connection['kind'], by: string, environment: Readonly<Record<string, string>>): Connection[] {
  for (const prefix of PREFIXES[kind]) {
    const value = (...names: string[]): [string, string] | undefined => {
      const name = names.map((one) => `${prefix}${one}`).find((one) => (environment[one] ?? '') !== '');
      return name === undefined ? undefined : [name, environment[name] ?? ''];
    };
    const host = value('HOST', 'HOSTNAME', 'SERVER');
    if (host === undefined || !/^[\w.-]+$/.test(host[1])) continue;
    const password = value('PASSWORD', 'PASS', 'PASSWORD_FILE')?.[0].replace(/_FILE$/, '');
    const user = value('USER', 'USERNAME')?.[1];
    const database = value('DATABASE', 'DB', 'NAME', 'DBNAME')?.[1];
    const port = value('PORT')?.[1] ?? USUAL_PORT[kind];
    return [
      {
        kind,
        by,
        host: host[1],
        saysTls: false,
        ...numberOf(kind, database),
        parts: {
          port: /^\d+$/.test(port) ? port : USUAL_PORT[kind],
          ...(user === undefined ? {} : { user }),
          // Databases of a cache have no names.
          ...(database === undefined || (kind === 'cache' && !/^\d{1,4}$/.test(database)) ? {} : { database }),
          ...(password === undefined ? {} : { passwordVariable: password }),
        },
      },
    ];
  }
  return [];
}
