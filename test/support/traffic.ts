/**
 * Visitors of the reference platform, as browsers and scripts are: kept connections, nothing retried, long requests,
 * conversations. What fails is counted by its kind; which version answered is told by the answer.
 */
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

export interface Visitors {
  /** Where they come in, such as `http://127.0.0.1:18080`. */
  base: string;
  /** Connections that ask again and again. Default 8. */
  gets?: number;
  /** Path that they ask. Default `/api/products`. */
  path?: string;
  /** Connections that send something again and again. Default 4. */
  posts?: number;
  /** Requests of 10 s, one after the other. Default 0. */
  longs?: number;
  /** Conversations of 6 s over WebSocket, one after the other. Default 0. */
  sockets?: number;
  /** Between an answer and the next question, in ms. Default 20. */
  thinkMs?: number;
}

export interface TrafficReport {
  /** Answers with a good status, of all kinds of request. */
  answered: number;
  /** Why others were not, each with its kind. */
  failed: string[];
  longs: number;
  /** Conversations that ended when the visitor wanted. */
  conversations: number;
  /** Answers by version of the service. */
  versions: Record<string, number>;
  /** When the last question was asked that a version answered, in ms of the clock. */
  lastAsked: Record<string, number>;
}

const LONG_MS = 10_000;
const CONVERSATION_MS = 6000;
const SAY_EVERY_MS = 250;
/** Longer than anything that is asked. */
const GIVE_UP_MS = 30_000;

interface Asked {
  method: 'GET' | 'POST';
  path: string;
}

/** Begins at once. `stop` lets what is in flight end. */
export function visit(visitors: Visitors): { report: TrafficReport; stop: () => Promise<TrafficReport> } {
  const { base, gets = 8, path = '/api/products', posts = 4, longs = 0, sockets = 0, thinkMs = 20 } = visitors;
  const report: TrafficReport = { answered: 0, failed: [], longs: 0, conversations: 0, versions: {}, lastAsked: {} };
  const end = new AbortController();
  const again = async (work: () => Promise<void>): Promise<void> => {
    while (!end.signal.aborted) {
      await work();
      await pause(thinkMs);
    }
  };
  const client = (asked: Asked): Promise<void> => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    return again(() => ask(base, asked, agent, report)).finally(() => {
      agent.destroy();
    });
  };
  const many = (count: number, one: () => Promise<void>): Promise<void>[] => Array.from({ length: count }, one);
  const running = [
    ...many(gets, () => client({ method: 'GET', path })),
    ...many(posts, () => client({ method: 'POST', path: '/api/echo' })),
    ...many(longs, async () => {
      await client({ method: 'GET', path: `/api/slow?ms=${LONG_MS.toString()}` });
    }),
    ...many(sockets, () => again(() => converse(base, report))),
  ];
  return {
    report,
    stop: async () => {
      end.abort();
      await Promise.all(running);
      return report;
    },
  };
}

function ask(base: string, { method, path }: Asked, agent: http.Agent, report: TrafficReport): Promise<void> {
  const { hostname, port } = new URL(base);
  const at = Date.now();
  const kind = `${method} ${path}`;
  const headers = method === 'POST' ? { 'content-type': 'text/plain' } : {};
  return new Promise((resolve) => {
    const fail = (why: string): void => {
      report.failed.push(`${kind}: ${why}`);
      resolve();
    };
    const request = http.request({ hostname, port, path, method, agent, headers, timeout: GIVE_UP_MS }, (answer) => {
      answer.on('error', (error) => fail(`cut: ${error.message}`));
      answer.resume().on('end', () => {
        if (!answer.complete) return fail('cut');
        if (answer.statusCode !== 200) return fail(`HTTP ${String(answer.statusCode)}`);
        const version = String(answer.headers['x-version']);
        report.answered += 1;
        report.versions[version] = (report.versions[version] ?? 0) + 1;
        report.lastAsked[version] = Math.max(report.lastAsked[version] ?? 0, at);
        if (path.startsWith('/api/slow?ms=10000')) report.longs += 1;
        resolve();
      });
    });
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', (error) => fail(error.message));
    request.end(method === 'POST' ? 'hello' : undefined);
  });
}

/** Says something again and again until it has said enough; whatever ends it earlier is a failure. */
function converse(base: string, report: TrafficReport): Promise<void> {
  const socket = new WebSocket(`${base.replace(/^http/, 'ws')}/api/ws`);
  return new Promise((resolve) => {
    let [said, heard, mine] = [0, 0, false];
    let saying: NodeJS.Timeout | undefined;
    let ending: NodeJS.Timeout | undefined;
    socket.addEventListener('open', () => {
      saying = setInterval(() => {
        said += 1;
        socket.send(`word ${said.toString()}`);
      }, SAY_EVERY_MS);
      ending = setTimeout(() => {
        clearInterval(saying);
        mine = true;
        // The last word gets its answer first.
        setTimeout(() => socket.close(1000), SAY_EVERY_MS);
      }, CONVERSATION_MS);
    });
    socket.addEventListener('message', ({ data }) => {
      if (String(data).startsWith('word')) heard += 1;
    });
    socket.addEventListener('close', ({ code }) => {
      clearInterval(saying);
      clearTimeout(ending);
      if (mine && heard === said) report.conversations += 1;
      else
        report.failed.push(
          `conversation: ended with ${code.toString()} after ${heard.toString()} of ${said.toString()} words`,
        );
      resolve();
    });
    // What went wrong is told by the close that follows.
    socket.addEventListener('error', () => undefined);
  });
}
