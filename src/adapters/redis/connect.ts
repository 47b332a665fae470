import type { Duplex } from 'node:stream';
import { OpsError } from '../../core/errors.ts';
import { bytes as bytesText } from '../../core/format.ts';
import { sanitize } from '../../core/text.ts';
import { secure, within } from '../dial.ts';
import { connectFirst } from '../route.ts';
import { atItself, inLog } from '../where-seen.ts';
import { redisError, refused, type Asked } from './failure.ts';
import { type Answer, NotTheProtocol, Refusal, type Words } from './resp.ts';
import type { Settings } from './settings.ts';
import { openWire, type Wire } from './wire.ts';

const CONNECT_MS = 3000;
/** One command and its answer. PING and INFO take well under a millisecond of the server's one thread. */
const COMMAND_MS = 3000;
/** Bytes of one answer; INFO is a few kB, so more is a server gone wrong. */
const LARGEST_ANSWER = 4 * 1024 * 1024;

/** What a command of several answers: text as bytes, or its refusal. */
export type Reply = Exclude<Answer, Refusal> | OpsError;

/** An open connection. */
export interface Connection {
  asked: Asked;
  /** How it was reached, for people. */
  route: string;
  /** What is asked is asked of this database, but for `inDatabase`. */
  database: number;
  /** Runs a command; `permission` is the ACL rule that it needs, for the error. */
  run(command: readonly [string, ...string[]], permission: string, largest?: number): Promise<unknown>;
  /** Runs commands in one go. @throws as `run` where the connection fails */
  runAll(commands: readonly Words[]): Promise<Reply[]>;
  isOpen(): boolean;
  close(): Promise<void>;
}

/**
 * Connects and logs in, each within 3 s. The connection is named `opsctl` for CLIENT LIST where the user may.
 * @throws UNREACHABLE, TIMED_OUT, AUTH_FAILED, CONFIG_INVALID for a database that the server does not have
 */
export async function connect(settings: Settings, service: string | undefined): Promise<Connection> {
  const started = performance.now();
  const { subject, user } = settings;
  const asked: Asked = { subject, service, user };
  const { route, stream } = await connectFirst(settings.routes, CONNECT_MS);
  const tls = settings.tls(route);
  const left = Math.max(1, CONNECT_MS - (performance.now() - started));
  const bytes = tls.mode === 'off' ? stream : await secure(subject, stream, tls, left);
  const line: Line = { wire: openWire(bytes), bytes };
  const connection: Connection = {
    asked,
    route: route.describe,
    database: settings.database,
    run: async ([name, ...args], permission, largest = LARGEST_ANSWER) =>
      await guarded(asked, line, name, largest, async () => {
        const [answer = null] = await line.wire.ask([[name, ...args]]);
        if (!(answer instanceof Refusal)) return readable(answer);
        if (refused(answer).code === 'ERR') line.complaint = answer.text;
        throw redisError(asked, answer, permission);
      }),
    runAll: async (commands) =>
      await guarded(asked, line, commands[0]?.[0] ?? '', LARGEST_ANSWER, async () =>
        (await line.wire.ask(commands)).map((answer, index) =>
          answer instanceof Refusal ? redisError(asked, answer, ruleOf(commands[index] ?? [''])) : answer,
        ),
      ),
    isOpen: line.wire.isOpen,
    async close() {
      bytes.destroy();
    },
  };
  try {
    await logIn(connection, settings);
  } catch (error) {
    await connection.close();
    throw error;
  }
  return connection;
}

/** The client, its stream, and the last plain error that the server answered. */
interface Line {
  wire: Wire;
  bytes: Duplex;
  complaint?: string;
}

/** Text as such, where it is no key. */
const readable = (answer: Answer): unknown =>
  Buffer.isBuffer(answer) ? answer.toString() : Array.isArray(answer) ? answer.map(readable) : answer;

/** Waits for an answer, within the deadline and the limit of bytes. */
async function guarded<T>(asked: Asked, line: Line, name: string, largest: number, ask: () => Promise<T>): Promise<T> {
  const { bytes } = line;
  let received = 0;
  let tooMuch = false;
  const count = (chunk: Buffer): void => {
    received += chunk.length;
    if (received <= largest || tooMuch) return;
    tooMuch = true;
    bytes.destroy();
  };
  bytes.on('data', count);
  const late = (): OpsError =>
    new OpsError(
      'TIMED_OUT',
      `${asked.subject} accepts connections but does not answer ${name} within ${COMMAND_MS} ms`,
      {
        hint: `The server hangs, is paused or runs a slow command. ${atItself(asked.service)}`,
      },
    );
  try {
    return await within(COMMAND_MS, ask(), late);
  } catch (error) {
    if (tooMuch)
      throw new OpsError('BAD_ANSWER', `${asked.subject} answers ${name} with more than ${bytesText(largest)}`, {
        hint: inLog(
          'Such an answer is never expected. Look whether that is Redis or Valkey, and what it says',
          asked.service,
        ),
        details: { largest },
        cause: error,
      });
    if (error instanceof OpsError && error.details?.['reply'] !== undefined) throw error;
    // An answer that comes late would be taken for the next question's.
    bytes.destroy();
    if (error instanceof OpsError) throw error;
    if (error instanceof NotTheProtocol)
      throw new OpsError('BAD_ANSWER', `${asked.subject} does not answer as Redis or Valkey do: ${error.message}`, {
        hint: 'Look whether the port is that of Redis or Valkey, then run: opsctl config check.',
      });
    const said = line.complaint ?? line.wire.unasked();
    throw said === undefined ? redisError(asked, error, '') : turnedAway(asked, sanitize(said).slice(0, 300));
  } finally {
    bytes.off('data', count);
  }
}

/** Commands of which the word after the name says what they do; the ACL rule names both. */
const CONTAINERS = new Set(['CLIENT', 'CONFIG', 'LATENCY', 'MEMORY', 'OBJECT', 'SLOWLOG']);
const ruleOf = ([name, second]: Words): string =>
  `+${name.toLowerCase()}${CONTAINERS.has(name) && typeof second === 'string' ? `|${second.toLowerCase()}` : ''}`;

/** A server without room for another client says so, whatever it was asked, and closes the connection. */
const turnedAway = (asked: Asked, server: string): OpsError =>
  new OpsError('NOT_READY', `${asked.subject} turned the connection away: ${server}`, {
    hint: 'See who holds connections with CLIENT LIST in redis-cli, and compare with maxclients.',
    details: { server },
  });

async function logIn(connection: Connection, { user, password, database }: Settings): Promise<void> {
  if (password) {
    const name = user === undefined ? [] : [user];
    try {
      await connection.run(['AUTH', ...name, password.reveal()], '+auth');
    } catch (error) {
      // A server without a password answers a plain error to one; if it does want another, PING will say so.
      if (!(error instanceof OpsError) || error.details?.['reply'] !== 'ERR') throw error;
    }
  }
  try {
    await connection.run(['CLIENT', 'SETNAME', 'opsctl'], '+client|setname');
  } catch (error) {
    // The name is a courtesy; a reply that refuses it changes nothing, a broken connection does.
    if (!(error instanceof OpsError) || error.details?.['reply'] === undefined) throw error;
  }
  // Where a connection begins; a proxy that has no other may not know SELECT.
  if (database !== 0) await choose(connection, database);
}

/** @throws CONFIG_INVALID where there is no such database */
async function choose({ run, asked }: Connection, database: number): Promise<void> {
  try {
    await run(['SELECT', database.toString()], '+select');
  } catch (error) {
    if (!(error instanceof OpsError) || error.details?.['reply'] !== 'ERR') throw error;
    throw new OpsError('CONFIG_INVALID', `${asked.subject} has no database ${database.toString()}`, {
      hint: 'Correct the number at the end of its url, or database, in opsctl.yaml, then run: opsctl config check.',
      cause: error,
    });
  }
}
