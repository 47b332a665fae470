import { asOpsError, OpsError } from '../core/errors.ts';

/** What is kept open between two questions. */
interface Closable {
  isOpen(): boolean;
  close(): Promise<void>;
}

/** Connections by name, each opened at its first use. */
export interface Connections<T> {
  /**
   * Asks over the connection, one question after the other. A question that finds a connection broken
   * that was open before is asked once more over a new one: questions change nothing, so this is safe.
   */
  use<R>(name: string, ask: (connection: T) => Promise<R>): Promise<R>;
  /**
   * The same for what changes something, which is never sent again: where the connection broke, it may have taken effect,
   * and only a look can tell.
   */
  act<R>(name: string, change: (connection: T) => Promise<R>): Promise<R>;
  /** Gives up what is not answered yet, and closes all; afterwards `use` opens them again. */
  close(): Promise<void>;
}

/** Connections by name, one each, however many ask at the same time. */
export function openOnce<T extends Closable>(open: (name: string) => Promise<T>): Connections<T> {
  const opened = new Map<string, T>();
  const queues = new Map<string, Promise<unknown>>();
  /** How often all were closed: what was asked before that opens nothing any more. */
  let closings = 0;

  async function connection(name: string, asked: number): Promise<T> {
    const kept = opened.get(name);
    if (kept?.isOpen() === true) return kept;
    opened.delete(name);
    await kept?.close();
    mustBeWanted(name, asked);
    const fresh = await open(name);
    if (asked !== closings) await fresh.close();
    mustBeWanted(name, asked);
    opened.set(name, fresh);
    return fresh;
  }

  function mustBeWanted(name: string, asked: number): void {
    if (asked !== closings) throw new OpsError('UNREACHABLE', `the connection to ${name} was closed meanwhile`);
  }

  async function askAgain<R>(name: string, question: (connection: T) => Promise<R>, asked: number): Promise<R> {
    const kept = opened.get(name)?.isOpen() === true;
    const first = await connection(name, asked);
    try {
      return await question(first);
    } catch (error) {
      const { code } = asOpsError(error);
      if (!kept || first.isOpen() || (code !== 'UNREACHABLE' && code !== 'NOT_READY')) throw error;
      return question(await connection(name, asked));
    }
  }

  function queued<R>(name: string, work: (asked: number) => Promise<R>): Promise<R> {
    const asked = closings;
    const answer = (queues.get(name) ?? Promise.resolve()).then(() => work(asked));
    queues.set(
      name,
      answer.catch(() => undefined),
    );
    return answer;
  }

  return {
    use: (name, question) => queued(name, (asked) => askAgain(name, question, asked)),
    act: (name, change) => queued(name, async (asked) => change(await connection(name, asked))),
    async close() {
      closings += 1;
      const all = [...opened.values()];
      opened.clear();
      await Promise.all(all.map((one) => one.close()));
    },
  };
}

/** Whether a server answers a question: false while it cannot be reached or is not ready. @throws what will not pass by waiting */
export async function isAnswered(ask: () => Promise<unknown>): Promise<boolean> {
  try {
    await ask();
    return true;
  } catch (error) {
    if (['UNREACHABLE', 'TIMED_OUT', 'NOT_READY'].includes(asOpsError(error).code)) return false;
    throw error;
  }
}
