/** Customers: a steady trickle with a daily rhythm, bounded whatever the platform does. */
import { serve } from '../service/server.ts';
import { nextAction } from './actions.ts';
import { send, watchCertificate } from './client.ts';
import { requestsPerSecond } from './rhythm.ts';

/** When answers are late, customers wait for them instead of piling up. */
const MAX_OPEN = 30;
const TICK_MS = 100;
const CERTIFICATE_MS = 60_000;

let due = 0;
let open = 0;

const timer = setInterval(() => {
  due = Math.min(due + (requestsPerSecond(Date.now()) * TICK_MS) / 1_000, MAX_OPEN);
  while (due >= 1) {
    due -= 1;
    if (open >= MAX_OPEN) continue;
    open += 1;
    void send(nextAction()).finally(() => (open -= 1));
  }
}, TICK_MS);

watchCertificate();
setInterval(watchCertificate, CERTIFICATE_MS).unref();
process.once('SIGTERM', () => clearInterval(timer));
serve([], async () => {});
