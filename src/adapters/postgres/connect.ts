import type { Duplex } from 'node:stream';
import type { Client, Query } from 'pg';
import { OpsError } from '../../core/errors.ts';
import { likeSocket, secure, within, type TlsChoice } from '../dial.ts';
import { connectFirst } from '../route.ts';
import { postgresError, type Asked } from './failure.ts';
import { atItself } from '../where-seen.ts';
import type { Settings } from './settings.ts';

/** From the first byte to "ready for queries", every way together. */
const CONNECT_MS = 3000;
/** Bytes of one answer; ours are a few kB, so more is a server gone wrong. */
const LARGEST_ANSWER = 4 * 1024 * 1024;
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** Rows as the server writes them, with the oids of their types. */
export interface OneAnswer {
  columns: { name: string; type: number }[];
  rows: (string | null)[][];
}

/** An open connection. */
export interface Connection {
  asked: Asked;
  /** How it was reached, for people. */
  route: string;
  /** Runs statements in one message; the rows of each. @throws TIMED_OUT after `ms`, and then the connection is gone */
  run(sql: string, ms: number): Promise<Record<string, unknown>[][]>;
  /** Runs one statement by the extended protocol, which takes no second one; `rows` of its rows at most. @throws as `run` */
  one(sql: string, rows: number, ms: number): Promise<OneAnswer>;
  isOpen(): boolean;
  close(): Promise<void>;
}

/**
 * Connects within 3 s. Superusers and members of pg_use_reserved_connections get a reserved slot when
 * the ordinary ones are taken; the server decides that by itself.
 * @throws UNREACHABLE, TIMED_OUT, AUTH_FAILED, NOT_READY, REJECTED
 */
export async function connect(
  settings: Settings,
  application: string,
  service: string | undefined,
): Promise<Connection> {
  const end = performance.now() + CONNECT_MS;
  const left = (): number => Math.max(1, Math.ceil(end - performance.now()));
  const { subject, user, database } = settings;
  const asked = { subject, service, user, database };
  const { route, stream } = await connectFirst(settings.routes, left());
  const { default: pg } = await import('pg');
  const bytes = await negotiate({ subject, service }, stream, settings.tls(route), left());
  const client = new pg.Client({
    stream: () => asPgStream(bytes),
    user,
    database,
    application_name: application,
    ssl: false,
    // A function, so that pg looks neither into PGPASSWORD nor into ~/.pgpass: secrets come from the configuration only.
    password: () => settings.password?.reveal() ?? noPassword(asked),
  });
  let broken = false;
  client.on('error', () => (broken = true));
  client.on('end', () => (broken = true));
  const late = (): OpsError =>
    new OpsError(
      'TIMED_OUT',
      `${subject} accepts connections at ${route.describe} but does not answer within ${CONNECT_MS} ms`,
      {
        hint: `The server hangs or is paused. ${atItself(service)}`,
      },
    );
  try {
    await within(left(), client.connect(), late);
  } catch (error) {
    bytes.destroy();
    throw postgresError(asked, error);
  }
  return {
    asked,
    route: route.describe,
    run: async (sql, ms) => {
      // Several statements in one message give an array of results, which pg's types leave out.
      const answer: unknown = await bounded(asked, bytes, ms, () => client.query(sql));
      return (Array.isArray(answer) ? answer : [answer]).map(
        (result: { rows: Record<string, unknown>[] }) => result.rows,
      );
    },
    one: (sql, rows, ms) => bounded(asked, bytes, ms, () => runOne(client, pg.Query, sql, rows)),
    isOpen: () => !broken && !bytes.destroyed,
    close: async () => {
      await within(500, client.end(), () => new OpsError('TIMED_OUT', 'late')).catch(() => undefined);
      bytes.destroy();
    },
  };
}

function noPassword(asked: Asked): never {
  throw new OpsError('AUTH_FAILED', `${asked.subject} wants a password of role ${asked.user} and none is configured`, {
    hint: 'Set password to a reference, as in { env: DB_PASSWORD }, then run: opsctl config check.',
  });
}

/** Work that ends after `ms`, and whose answer stays small; else the connection is lost to whatever comes after it. */
async function bounded<T>(asked: Asked, bytes: Duplex, ms: number, work: () => Promise<T>): Promise<T> {
  let received = 0;
  let tooMuch = false;
  const count = (chunk: Buffer): void => {
    received += chunk.length;
    if (received > LARGEST_ANSWER && !tooMuch) {
      tooMuch = true;
      bytes.destroy();
    }
  };
  bytes.on('data', count);
  const late = (): OpsError =>
    new OpsError('TIMED_OUT', `${asked.subject} does not answer a question within ${ms} ms`, {
      hint: `The server hangs or is overloaded. ${atItself(asked.service)}`,
    });
  try {
    return await within(ms, work(), late);
  } catch (error) {
    if (tooMuch)
      throw new OpsError('BAD_ANSWER', `${asked.subject} answers more than ${LARGEST_ANSWER} bytes`, { cause: error });
    const known = postgresError(asked, error);
    if (known === error) bytes.destroy();
    throw known;
  } finally {
    bytes.off('data', count);
  }
}

/** What pg's query has beside its types: how its messages are sent, and what ends it. */
interface Extended {
  callback: (
    error: Error | null,
    result: { fields: { name: string; dataTypeID: number }[]; rows: (string | null)[][] },
  ) => void;
  _getRows: (connection: { execute(config: { portal: string; rows: number }): void; sync(): void }) => void;
  handlePortalSuspended: () => void;
}

/**
 * By itself pg asks for row after row until there is none, and waits for ever when such a query fails. So the messages are
 * sent in one: execute so many rows, then sync, whatever comes of it.
 */
function runOne(client: Client, Extending: typeof Query, sql: string, rows: number): Promise<OneAnswer> {
  const config = {
    text: sql,
    queryMode: 'extended',
    rowMode: 'array',
    types: { getTypeParser: () => (value: string) => value },
  };
  const query = new Extending(config as never);
  return new Promise((resolve, reject) => {
    Object.assign(query, {
      callback: (error, result) => {
        if (error !== null) reject(error);
        else
          resolve({
            columns: result.fields.map(({ name, dataTypeID }) => ({ name, type: dataTypeID })),
            rows: result.rows,
          });
      },
      _getRows: (connection) => {
        connection.execute({ portal: '', rows });
        connection.sync();
      },
      handlePortalSuspended: () => undefined,
    } satisfies Extended);
    client.query(query);
  });
}

/**
 * Asks the server for TLS as the protocol says (SSLRequest: one byte, S or N, comes back) and puts it on.
 * @throws UNREACHABLE when TLS is wanted and the server has none, or the certificate is not trusted
 */
async function negotiate(
  { subject, service }: Pick<Asked, 'subject' | 'service'>,
  stream: Duplex,
  choice: TlsChoice,
  ms: number,
): Promise<Duplex> {
  if (choice.mode === 'off') return stream;
  const started = performance.now();
  const answer = new Promise<string>((resolve) => {
    // More than one byte before the handshake would be bytes of somebody in between (CVE-2021-23222).
    stream.once('data', (chunk: Buffer) => resolve(chunk.length === 1 ? chunk.toString('latin1') : ''));
    stream.once('close', () => resolve(''));
  });
  stream.write(SSL_REQUEST);
  const said = await within(ms, answer, () => {
    stream.destroy();
    return new OpsError('TIMED_OUT', `${subject} accepts connections but does not answer within ${CONNECT_MS} ms`, {
      hint: `The server hangs or is paused. ${atItself(service)}`,
    });
  });
  if (said === 'S') return secure(subject, stream, choice, Math.max(1, ms - (performance.now() - started)));
  if (said === 'N' && choice.mode === 'prefer') return stream;
  stream.destroy();
  throw new OpsError(
    'UNREACHABLE',
    said === 'N' ? `${subject} does not speak TLS` : `${subject} answers the request for TLS with something else`,
    {
      hint: 'If its bytes may travel unprotected, add ?sslmode=disable to its url (or leave out tls), then run: opsctl config check.',
    },
  );
}

/** pg wants to connect the stream by itself; ours is connected. */
function asPgStream(stream: Duplex): Duplex {
  const opened = (): void => {
    setImmediate(() => stream.emit('connect'));
  };
  return Object.defineProperty(likeSocket(stream), 'connect', { value: opened });
}
