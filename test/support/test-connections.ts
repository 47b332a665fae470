/** Containers of the test image that have connections to each other. */
import type { Engine } from '../../src/adapters/docker/engine.ts';
import { waitUntil } from './process.ts';

/** Script of a server on port 7000 that says again what it is told, until it is told to end. One busybox knows -k, another -ll. */
export const ECHO_SERVER =
  "trap 'exit 0' TERM; (nc -lk -p 7000 -e cat || nc -ll -p 7000 -e cat) 2>/dev/null & while :; do sleep 0.2; done";

/** Script of a visitor with that many connections to a server, once that listens; what it `sends` is what it does with each. */
export async function visiting(
  engine: Engine,
  server: string,
  { sends = 'sleep 1000', count = 1 } = {},
): Promise<string> {
  const asked = ['sh', '-c', 'netstat -ltn | grep -q :7000'];
  await waitUntil(
    async () => (await engine.exec(server, asked)).exitCode === 0,
    () => 'never listening',
  );
  const [network] = (await engine.container(server)).networks;
  return `(${sends}) | nc ${network?.address ?? ''} 7000 & `.repeat(count) + 'wait';
}
