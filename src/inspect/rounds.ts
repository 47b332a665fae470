import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Does something again and again at a fixed rate until the signal. A round that takes longer than the
 * interval is followed by the next whole one: rounds never overlap and never pile up.
 */
export async function* rounds<T>(work: () => Promise<T>, intervalMs: number, signal: AbortSignal): AsyncGenerator<T> {
  const start = performance.now();
  for (;;) {
    if (signal.aborted) return;
    const result = await work();
    if (signal.aborted) return;
    yield result;
    const passed = performance.now() - start;
    const next = (Math.floor(passed / intervalMs) + 1) * intervalMs;
    await sleep(next - passed, undefined, { signal }).catch(() => undefined);
  }
}
