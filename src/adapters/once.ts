import { asOpsError } from '../core/errors.ts';

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
  /** Closes all; afterwards `use` opens them again. */
  close(): Promise<void>;
}

/** Connections by name, one each, however many ask at the same time. */
export function openOnce<T extends Closable>(open: (name: string) => Promise<T>): Connections<T> {
  const opened = new Map<string, T>();
  const queues = new Map<string, Promise<unknown>>();

  async function ask<R>(name: string, question: (connection: T) => Promise<R>): Promise<R> {
    const kept = opened.get(name);
    if (kept?.isOpen() === true) {
      try {
        return await question(kept);
      } catch (error) {
        const { code } = asOpsError(error);
        if (kept.isOpen() || (code !== 'UNREACHABLE' && code !== 'NOT_READY')) throw error;
      }
    }
    opened.delete(name);
    await kept?.close();
    const fresh = await open(name);
    opened.set(name, fresh);
    return question(fresh);
  }

  return {
    use(name, question) {
      const before = queues.get(name) ?? Promise.resolve();
      const answer = before.then(() => ask(name, question));
      queues.set(
        name,
        answer.catch(() => undefined),
      );
      return answer;
    },
    async close() {
      await Promise.all(queues.values());
      const all = [...opened.values()];
      opened.clear();
      await Promise.all(all.map((connection) => connection.close()));
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
