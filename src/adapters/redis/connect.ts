import type { Duplex } from 'node:stream';
import type { Client } from './driver.ts';
import { OpsError } from '../../core/errors.ts';
import { sanitize } from '../../core/text.ts';
import { likeSocket, secure, within } from '../dial.ts';
import { connectFirst } from '../route.ts';
import { redisError, replyCode, type Asked } from './failure.ts';
import type { Settings } from './settings.ts';

const CONNECT_MS = 3000;
/** One command and its answer. PING and INFO take well under a millisecond of the server's one thread. */
const COMMAND_MS = 3000;
/** Bytes of one answer; INFO is a few kB, so more is a server gone wrong. */
const LARGEST_ANSWER = 4 * 1024 * 1024;

/** A command with its arguments; keys are bytes. */
export type Words = readonly [string, ...(string | Buffer)[]];
/** What a command of several answers. */
export type Reply = { is: 'answer'; value: unknown } | { is: 'refused'; error: OpsError };

/** An open connection. */
export interface Connection {
  asked: Asked;
  /** How it was reached, for people. */
  route: string;
  /** Runs a command; `permission` is the ACL rule that it needs, for the error. */
  run(command: readonly [string, ...string[]], permission: string, largest?: number): Promise<unknown>;
  /**
   * Runs commands in one go: what each answers, text as bytes, or the code of its refusal.
   * @throws as `run` where the connection fails
   */
  runAll(commands: readonly Words[]): Promise<Reply[]>;
  isOpen(): boolean;
  close(): Promise<void>;
}

/**
 * Connects and logs in, each within 3 s. The connection is named `opsctl` for CLIENT LIST where the user may.
 * @throws UNREACHABLE, TIMED_OUT, AUTH_FAILED
 */
export async function connect(settings: Settings, service: string | undefined): Promise<Connection> {
  const started = performance.now();
  const { subject, user } = settings;
  const asked: Asked = { subject, service, user };
  const { route, stream } = await connectFirst(settings.routes, CONNECT_MS);
  const tls = settings.tls(route);
  const left = Math.max(1, CONNECT_MS - (performance.now() - started));
  const bytes = tls.mode === 'off' ? stream : await secure(subject, stream, tls, left);
  const { client, isOpen } = await clientOn(bytes);
  const line: Line = { client, bytes };
  const connection: Connection = {
    asked,
    route: route.describe,
    run: async ([name, ...args], permission, largest = LARGEST_ANSWER) =>
      await guarded(asked, line, name, permission, largest, () => client.call(name, ...args)),
    runAll: async (commands) =>
      await guarded(asked, line, commands[0]?.[0] ?? '', '', LARGEST_ANSWER, () => together(asked, line, commands)),
    isOpen,
    async close() {
      client.disconnect();
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

/** A client on an open stream: it says nothing by itself, keeps nothing for later and never connects again. */
async function clientOn(bytes: Duplex): Promise<{ client: Client; isOpen: () => boolean }> {
  const { Redis, AbstractConnector } = await import('./driver.ts');
  class StreamConnector extends AbstractConnector {
    constructor() {
      super(0);
    }
    // ioredis takes a connector as a class only.
    override async connect(): Promise<never> {
      this.connecting = true;
      this.stream = likeSocket(bytes) as never;
      return this.stream;
    }
  }
  const client = new Redis({
    Connector: StreamConnector,
    lazyConnect: true,
    protocol: 2,
    disableClientInfo: true,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let open = true;
  client.on('error', () => (open = false));
  client.on('end', () => (open = false));
  // Nothing is sent yet, so this waits for nobody; without a limit a fault of ours would wait for ever.
  await within(
    CONNECT_MS,
    client.connect(),
    () => new OpsError('BUG', 'the client does not take an open stream'),
  ).catch(() => (open = false));
  return { client, isOpen: () => open && !bytes.destroyed };
}

/** The client, its stream, and the last plain error that the server answered. */
interface Line {
  client: Client;
  bytes: Duplex;
  complaint?: string;
}

/** Waits for an answer, within the deadline and the limit of bytes. */
async function guarded<T>(
  asked: Asked,
  line: Line,
  name: string,
  permission: string,
  largest: number,
  ask: () => Promise<T>,
): Promise<T> {
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
        hint: `The server hangs, is paused or runs a slow command. See its container: opsctl status; its log: opsctl logs ${asked.service ?? '<service>'} --tail 50.`,
      },
    );
  try {
    return await within(COMMAND_MS, ask(), late);
  } catch (error) {
    if (tooMuch)
      throw new OpsError('BAD_ANSWER', `${asked.subject} answers more than ${largest} bytes`, { cause: error });
    const reply = replyCode(error);
    if (reply !== undefined) {
      if (reply === 'ERR') line.complaint = sanitize((error as Error).message).slice(0, 300);
      throw redisError(asked, error, permission);
    }
    // An answer that comes late would be taken for the next question's.
    bytes.destroy();
    throw line.complaint === undefined || error instanceof OpsError
      ? redisError(asked, error, permission)
      : turnedAway(asked, line.complaint);
  } finally {
    bytes.off('data', count);
  }
}

/** All are written at once, so that they travel together; the server answers in their order. */
async function together(asked: Asked, { client, bytes }: Line, commands: readonly Words[]): Promise<Reply[]> {
  bytes.cork();
  const answers = commands.map(([name, ...args]) =>
    client.callBuffer(name, ...args).then(
      (value): Reply => ({ is: 'answer', value }),
      (error: unknown): Reply => {
        if (replyCode(error) === undefined) throw error;
        return { is: 'refused', error: redisError(asked, error, ruleOf([name, ...args])) };
      },
    ),
  );
  bytes.uncork();
  return await Promise.all(answers);
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

async function logIn(connection: Connection, { user, password }: Settings): Promise<void> {
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
}
