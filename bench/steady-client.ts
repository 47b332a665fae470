/** Another client of a cache: asks for a key every 2 ms whether or not it was answered, until it is told to end. Its own process. */
import { Redis } from 'ioredis';

const EVERY_MS = 2;
const client = new Redis({ port: Number(process.argv[2]), host: '127.0.0.1' });
const times: number[] = [];
let next = performance.now();

/** Late timers do not let a question out: as many are asked as were due, and each waits since it was due. */
function ask(): void {
  for (const now = performance.now(); next <= now; next += EVERY_MS) {
    const due = next;
    void client.get(`session:${times.length.toString(16)}`).then(() => times.push(performance.now() - due));
  }
}

await client.ping();
process.send?.('ready');
const timer = setInterval(ask, 1);
process.once('message', () => {
  clearInterval(timer);
  process.send?.(times.slice(10), () => process.exit(0));
});
