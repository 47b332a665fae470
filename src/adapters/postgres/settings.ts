import { OpsError } from '../../core/errors.ts';
import type { Database, Platform } from '../../core/platform.ts';
import { Secret } from '../../core/secret.ts';
import { configured, throughContainer, urlText, type DataServer, type DataSources } from '../data-server.ts';
import { showAddress, showTls, type TlsChoice } from '../dial.ts';
import { type Startup, urlRoute } from '../route.ts';
import { firstVariable } from '../secrets.ts';
import { isLoopback, parseServerUrl, readPem, tlsChoice, type ServerUrl } from '../server-url.ts';

const PORT = 5432;
const MODES: Record<string, TlsChoice['mode']> = {
  disable: 'off',
  allow: 'prefer',
  prefer: 'prefer',
  require: 'encrypt',
  'no-verify': 'encrypt',
  'verify-ca': 'verify-ca',
  'verify-full': 'verify-full',
};

/* The variables of the official image, of Bitnami's, of Red Hat's, and of libpq, in this order. */
const USER = ['POSTGRES_USER', 'POSTGRESQL_USERNAME', 'POSTGRESQL_USER', 'PGUSER'];
const PASSWORD = ['POSTGRES_PASSWORD', 'POSTGRESQL_PASSWORD', 'PGPASSWORD'];
const DATABASE = ['POSTGRES_DB', 'POSTGRESQL_DATABASE', 'PGDATABASE'];

/** Everything that opening a connection needs. */
export interface Settings extends DataServer {
  user: string;
  database: string;
  /** Absent: the server has to let the role in without one (trust, peer). */
  password?: Secret;
}

/**
 * How the configured database is reached and as whom.
 * @throws NOT_CONFIGURED, NOT_FOUND, CONFIG_INVALID, SECRET_MISSING, UNREACHABLE
 */
export async function settingsOf(sources: DataSources, name: string): Promise<Settings> {
  const entry = configured('database', sources.platform.databases, name);
  const subject = `postgres ${name}`;
  const text = await urlText(sources, entry);
  return text === undefined ? fromContainer(sources, subject, entry) : fromUrl(sources, subject, entry, text);
}

async function fromUrl(
  { platform, secrets }: DataSources,
  subject: string,
  entry: Database,
  text: string,
): Promise<Settings> {
  const url = parseServerUrl(subject, text, {
    schemes: ['postgresql', 'postgres'],
    port: PORT,
    socket: (directory, port) => `${directory}/.s.PGSQL.${port}`,
  });
  const tls = await urlTls(platform, subject, entry, url);
  const password = entry.password ? await secrets.resolve(entry.password, entry.service) : url.password;
  const user = entry.user ?? url.user ?? 'postgres';
  return {
    subject,
    routes: [urlRoute(subject, url.address, `${showAddress(url.address)} (${showTls(tls.mode)})`, entry.service)],
    tls: () => tls,
    user,
    database: entry.database ?? url.path ?? user,
    ...(password && { password }),
  };
}

/**
 * The URL's own `sslmode` says it, as libpq understands it; without one the certificate is verified,
 * where libpq would verify nothing. Inside this machine no TLS is asked for.
 */
async function urlTls(platform: Platform, subject: string, entry: Database, url: ServerUrl): Promise<TlsChoice> {
  const asked = url.parameters.get('sslmode');
  const mode = asked === null ? undefined : MODES[asked];
  if (asked !== null && mode === undefined) {
    throw new OpsError('CONFIG_INVALID', `the url of ${subject} has an sslmode that does not exist`, {
      hint: `Use one of ${Object.keys(MODES).join(', ')}, then run: opsctl config check.`,
    });
  }
  const own = 'path' in url.address ? 'localhost' : url.address.host;
  const where = { name: own, directory: platform.directory };
  const chosen = await tlsChoice(subject, entry.tls, isLoopback(url.address) ? 'off' : 'verify-full', where);
  const root = url.parameters.get('sslrootcert');
  const cert = url.parameters.get('sslcert');
  const key = url.parameters.get('sslkey');
  return {
    ...chosen,
    ...(mode && !(entry.tls?.insecure === true && mode.startsWith('verify')) && { mode }),
    ...('path' in url.address && { mode: 'off' }),
    ...(root !== null && root !== 'system' && { authorities: [await readPem(subject, root, platform.directory)] }),
    ...(cert !== null &&
      key !== null && {
        certificate: {
          cert: await readPem(subject, cert, platform.directory),
          key: await readPem(subject, key, platform.directory),
        },
      }),
  };
}

async function fromContainer(sources: DataSources, subject: string, entry: Database): Promise<Settings> {
  // Looked up while the way is found; that there is no container is told before what follows from it.
  const given = entry.password && sources.secrets.resolve(entry.password, entry.service);
  given?.catch(() => undefined);
  const { container, ...server } = await throughContainer(sources, subject, entry, PORT);
  let startup: Promise<Startup> | undefined;
  const variable = async (names: readonly string[]): Promise<string | undefined> =>
    firstVariable(sources.source, container, await (startup ??= sources.source.startup(container.id)), names);
  const owner = async (): Promise<string> => (await variable(USER)) ?? 'postgres';
  const user = entry.user ?? (await owner());
  const database = entry.database ?? (await variable(DATABASE)) ?? user;
  // The container's password is its owner's: another role's attempts with it would fail and look like an attack.
  const own = given === undefined && user === (await owner()) ? await variable(PASSWORD) : undefined;
  const password = (await given) ?? (own && new Secret(own));
  return { ...server, user, database, ...(password && { password }) };
}
