/** A load balancer in memory that does as it is told, as `opsctl lb check` wants it before a deploy begins. */
import { snippetsFor, variableOf } from '../../src/lb/snippets.ts';
import type { FakeNginx } from './fakes/load-balancer.ts';

const DIRECTORY = '/etc/opsctl';
const VERSION = '1.29.3';

/** For services that listen on port 3000. */
export function readyNginx(services: readonly string[]): Partial<FakeNginx> {
  const switched = services.map((name) => ({ name, port: 3000 }));
  const { files, digest } = snippetsFor(switched, DIRECTORY, VERSION);
  const locations = services.map((name) => `location /${name}/ { proxy_pass http://${variableOf(name)}; }`).join(' ');
  return {
    version: VERSION,
    loaded: digest,
    snippets: new Map(files.map(({ name, text }) => [name, text])),
    configuration: `http { resolver 127.0.0.11 valid=1s; keepalive_min_timeout 10s; include ${DIRECTORY}/http/*.conf;
      server { include ${DIRECTORY}/server/*.conf; ${locations} } }`,
  };
}
