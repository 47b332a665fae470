/** What tests that start real servers share: a free port, an unprivileged user, waiting. */
import net from 'node:net';
import { execa } from 'execa';

/** A port of the loopback interface that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** As whom servers run: PostgreSQL refuses root. Empty when the tests do not run as root. */
export async function nobody(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await execa('id', [flag, 'nobody'])).stdout)),
  );
  return { uid: uid ?? 65_534, gid: gid ?? 65_534 };
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** Asks every 50 ms until the answer is yes. After `ms`, which is for what hangs and not for what is slow, throws what `late` says. */
export async function waitUntil(ask: () => boolean | Promise<boolean>, late: () => string, ms = 60_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await ask())) {
    if (performance.now() > end) throw new Error(late());
    await pause(50);
  }
}
