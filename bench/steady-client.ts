/** Another client of a cache, in a process of its own: asks for a key every 2 ms, until it is told to end. */
import { Redis } from 'ioredis';

const EVERY_MS = 2;
const client = new Redis({ port: Number(process.argv[2]), host: '127.0.0.1' });
const times: number[] = [];

/** Whether or not the one before was answered. */
function ask(): void {
  const asked = performance.now();
  void client.get(`session:${times.length.toString(16)}`).then(() => times.push(performance.now() - asked));
}

await client.ping();
process.send?.('ready');
const timer = setInterval(ask, EVERY_MS);
process.once('message', () => {
  clearInterval(timer);
  process.send?.(times.slice(10), () => process.exit(0));
});
