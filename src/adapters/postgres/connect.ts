import type { Duplex } from 'node:stream';
import type { Client, Query } from 'pg';
import { OpsError } from '../../core/errors.ts';
import { likeSocket, within } from '../dial.ts';
import { connectFirst } from '../route.ts';
import { atItself } from '../where-seen.ts';
import { cancelRunning, negotiate } from './bytes.ts';
import { postgresError, type Asked } from './failure.ts';
import type { Settings } from './settings.ts';

/** From the first byte to "ready for queries", every way together. */
const CONNECT_MS = 3000;
/** Bytes of one answer; ours are a few kB, so more is a server gone wrong. */
const LARGEST_ANSWER = 4 * 1024 * 1024;

/** Rows as the server writes them, with the oids of their types. */
export interface OneAnswer {
  columns: { name: string; type: number }[];
  rows: (string | null)[][];
}

/** What the server says beside its answer, told by SQLSTATE and by the file of its source that says it, never by its words. */
export interface Notice {
  code?: string | undefined;
  file?: string | undefined;
  message?: string | undefined;
}

/** An open connection. */
export interface Connection {
  asked: Asked;
  /** How it was reached, for people. */
  route: string;
  /**
   * Runs statements in one message; the rows of each. `hear` is told what the server says meanwhile.
   * @throws TIMED_OUT after `ms`, and then the connection is gone
   */
  run(sql: string, ms: number, hear?: (notice: Notice) => void): Promise<Record<string, unknown>[][]>;
  /** Runs one statement by the extended protocol, which takes no second one; `rows` of its rows at most. @throws as `run` */
  one(sql: string, rows: number, ms: number): Promise<OneAnswer>;
  isOpen(): boolean;
  /** A statement that still runs is cancelled on the server first, for nobody waits for its answer any more. */
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
  const bytes = await negotiate(asked, stream, settings.tls(route), left());
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
  let givenUp: Promise<void> | undefined;
  const line: Line = {
    asked,
    bytes,
    running: 0,
    giveUp: () =>
      (givenUp ??= cancelRunning(asked, () => route.connect(CONNECT_MS), settings.tls(route), keyOf(client)).finally(
        () => bytes.destroy(),
      )),
  };
  return {
    asked,
    route: route.describe,
    run: async (sql, ms, hear = () => undefined) => {
      client.on('notice', hear);
      try {
        // Several statements in one message give an array of results, which pg's types leave out.
        const answer: unknown = await bounded(line, ms, () => client.query(sql));
        return (Array.isArray(answer) ? answer : [answer]).map(
          (result: { rows: Record<string, unknown>[] }) => result.rows,
        );
      } finally {
        client.off('notice', hear);
      }
    },
    one: (sql, rows, ms) => bounded(line, ms, () => runOne(client, pg.Query, sql, rows)),
    isOpen: () => !broken && givenUp === undefined && !bytes.destroyed,
    close: async () => {
      if (line.running > 0 || givenUp !== undefined) return line.giveUp();
      await within(500, client.end(), () => new OpsError('TIMED_OUT', 'late')).catch(() => undefined);
      bytes.destroy();
    },
  };
}

/** What a statement runs over. */
interface Line {
  asked: Asked;
  bytes: Duplex;
  running: number;
  /** Gives the connection up, and cancels on the server what runs over it. */
  giveUp: () => Promise<void>;
}

/** What names our session to the server when it is asked to cancel; pg's types leave it out. */
function keyOf(client: Client): { processId: number; secret: number } {
  const { processID, secretKey } = client as Client & { processID: number | null; secretKey: number | null };
  return { processId: processID ?? 0, secret: secretKey ?? 0 };
}

function noPassword(asked: Asked): never {
  throw new OpsError('AUTH_FAILED', `${asked.subject} wants a password of role ${asked.user} and none is configured`, {
    hint: 'Set password to a reference, as in { env: DB_PASSWORD }, then run: opsctl config check.',
  });
}

/** Work that ends after `ms`, and whose answer stays small; else the connection is given up. */
async function bounded<T>(line: Line, ms: number, work: () => Promise<T>): Promise<T> {
  const { asked, bytes } = line;
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
  line.running += 1;
  const late = (): OpsError =>
    new OpsError('TIMED_OUT', `${asked.subject} does not answer a question within ${ms} ms`, {
      hint: `The server hangs or is overloaded. ${atItself(asked.service)}`,
    });
  try {
    return await within(ms, work(), late);
  } catch (error) {
    const known = tooMuch ? largerThanTaken(asked, error) : postgresError(asked, error);
    // Not waited for: whoever asked has waited long enough.
    if (tooMuch || known === error) void line.giveUp();
    throw known;
  } finally {
    line.running -= 1;
    bytes.off('data', count);
  }
}

const largerThanTaken = ({ subject }: Asked, cause: unknown): OpsError =>
  new OpsError('BAD_ANSWER', `${subject} answers more than ${LARGEST_ANSWER} bytes`, { cause });

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

/** pg wants to connect the stream by itself; ours is connected. */
function asPgStream(stream: Duplex): Duplex {
  const opened = (): void => {
    setImmediate(() => stream.emit('connect'));
  };
  return Object.defineProperty(likeSocket(stream), 'connect', { value: opened });
}
