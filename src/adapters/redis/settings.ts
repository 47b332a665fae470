import { OpsError } from '../../core/errors.ts';
import { type Cache, LAST_DATABASE } from '../../core/platform.ts';
import { Secret } from '../../core/secret.ts';
import { configured, throughContainer, urlText, type DataServer, type DataSources } from '../data-server.ts';
import { showAddress, showTls } from '../dial.ts';
import { urlRoute, type ContainerSource, type Startup } from '../route.ts';
import { firstVariable } from '../secrets.ts';
import { parseServerUrl, type ServerUrl, tlsChoice } from '../server-url.ts';

const PORT = 6379;

/* The variables of common images and of redis-cli. */
const PASSWORD = ['REDIS_PASSWORD', 'VALKEY_PASSWORD', 'REDISCLI_AUTH'];
/** Variables that hold further arguments of the server (Redis Stack, Bitnami). */
const ARGUMENTS = ['REDIS_ARGS', 'REDIS_EXTRA_FLAGS', 'VALKEY_EXTRA_FLAGS'];

/** Everything that opening a connection needs. */
export interface Settings extends DataServer {
  user?: string;
  password?: Secret;
  database: number;
}

/**
 * How the configured cache is reached and as whom.
 * @throws NOT_CONFIGURED, NOT_FOUND, CONFIG_INVALID, SECRET_MISSING, UNREACHABLE
 */
export async function settingsOf(sources: DataSources, name: string): Promise<Settings> {
  const entry = configured('cache', sources.platform.caches, name);
  const subject = `redis ${name}`;
  const text = await urlText(sources, entry);
  return text === undefined ? fromContainer(sources, subject, entry) : fromUrl(sources, subject, entry, text);
}

/** `rediss:` is TLS with a verified certificate; `redis:` is none, as the scheme says, unless `tls` is configured. */
async function fromUrl(
  { platform, secrets }: DataSources,
  subject: string,
  entry: Cache,
  text: string,
): Promise<Settings> {
  const url = parseServerUrl(subject, text, {
    schemes: ['redis', 'rediss', 'valkey', 'valkeys', 'unix'],
    port: PORT,
    socket: (file) => file,
  });
  const address = url.scheme === 'unix' ? { path: `/${url.path ?? ''}` } : url.address;
  const usual = url.scheme === 'rediss' || url.scheme === 'valkeys' ? 'verify-full' : 'off';
  const name = 'path' in address ? 'localhost' : address.host;
  const tls = await tlsChoice(subject, entry.tls, usual, { name, directory: platform.directory });
  const user = entry.user ?? url.user;
  const password = entry.password ? await secrets.resolve(entry.password, entry.service) : url.password;
  return {
    subject,
    routes: [urlRoute(subject, address, `${showAddress(address)} (${showTls(tls.mode)})`, entry.service)],
    tls: () => tls,
    database: entry.database ?? databaseOf(subject, url),
    ...(user !== undefined && { user }),
    ...(password && { password }),
  };
}

/**
 * The number of the database in a URL: its path, or `db`, which is all that a URL of a socket has room for.
 * @throws CONFIG_INVALID for what is no number of one
 */
function databaseOf(subject: string, { scheme, path = '', parameters }: ServerUrl): number {
  const named = parameters.get('db') ?? (scheme === 'unix' ? '' : path.replace(/\/$/, ''));
  const database = Number(named);
  if (/^\d*$/.test(named) && database <= LAST_DATABASE) return database;
  throw new OpsError('CONFIG_INVALID', `the url of ${subject} names a database that is no number of one`, {
    hint: `End it with a number up to ${LAST_DATABASE.toString()}, as in redis://host:6379/2, then run: opsctl config check.`,
  });
}

async function fromContainer(sources: DataSources, subject: string, entry: Cache): Promise<Settings> {
  const { container, service, ...server } = await throughContainer(sources, subject, entry, PORT);
  const password = entry.password
    ? await sources.secrets.resolve(entry.password, service)
    : await ownPassword(sources.source, container, entry.user);
  const { database = 0 } = entry;
  return { ...server, database, ...(entry.user !== undefined && { user: entry.user }), ...(password && { password }) };
}

/** The container's password is the default user's; another user's attempts with it would look like an attack. */
async function ownPassword(
  source: ContainerSource,
  container: { id: string; name: string },
  user: string | undefined,
): Promise<Secret | undefined> {
  if (user !== undefined && user !== 'default') return undefined;
  const startup = await source.startup(container.id);
  const password = requirepass(startup) ?? (await firstVariable(source, container, startup, PASSWORD));
  return password === undefined ? undefined : new Secret(password);
}

/**
 * The password on the server's command line, also inside `sh -c "redis-server --requirepass $REDIS_PASSWORD"`
 * and in the variables of further arguments. A shell's other substitutions are not followed.
 */
export function requirepass(startup: Startup): string | undefined {
  const lines = [...startup.command, ...ARGUMENTS.flatMap((name) => startup.environment[name] ?? [])];
  const words = lines.flatMap((line, index) =>
    startup.command[index - 1] === '--requirepass' ? [line] : splitWords(line),
  );
  const given = words[words.indexOf('--requirepass') + 1];
  if (!words.includes('--requirepass') || given === undefined || given === '') return undefined;
  const variable = /^\$(?:(\w+)|\{(\w+)\})$/.exec(given);
  const name = variable?.[1] ?? variable?.[2];
  return name === undefined ? given : startup.environment[name];
}

/** Words of a command line; single and double quotes hold a word together. */
function splitWords(line: string): string[] {
  return (line.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? []).map((word) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'),
  );
}
