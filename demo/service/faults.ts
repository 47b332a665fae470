/** What is wrong with the bad releases. A good release passes through here untouched. */
import { setTimeout as sleep } from 'node:timers/promises';
import { log } from './log.ts';
import { fault } from './release.ts';

const FAIL_EVERY = 50;
const LEAK_BYTES_A_SECOND = 5_000_000;

let served = 0;
let servedAtLastLeak = 0;
const leaked: Buffer[] = [];

/** The release that cannot start says why, as a real one would, and ends. */
export function crashIfFaulty(): void {
  if (fault !== 'crash') return;
  log('error', 'cannot start', { reason: 'configuration key PAYMENT_GATEWAY_URL is missing' });
  process.exit(1);
}

/** Starts the leak: it grows only while there are requests. */
export function leakIfFaulty(): void {
  if (fault !== 'leak') return;
  setInterval(() => {
    if (served === servedAtLastLeak) return;
    servedAtLastLeak = served;
    leaked.push(Buffer.alloc(LEAK_BYTES_A_SECOND, leaked.length % 256));
  }, 1_000).unref();
}

export const neverHealthy = fault === 'unhealthy';

/** Counts a request; true when it is one of the 2 % that are to fail. Exact, so that tests can count. */
export function mustFail(): boolean {
  served += 1;
  return fault === 'errors' && served % FAIL_EVERY === 0;
}

/** Makes what took so long take three times as long. */
export async function slowDown(elapsedMs: number): Promise<void> {
  if (fault === 'slow') await sleep(2 * elapsedMs);
}
