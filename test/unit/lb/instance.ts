/** A load balancer that is ready for deploys: what a test of the set-up breaks one thing of. */
import type { InstanceFacts, SetupFacts, SwitchedFacts } from '../../../src/lb/observe.ts';
import { snippetsFor } from '../../../src/lb/snippets.ts';

const DIRECTORY = '/etc/opsctl';
const URL = 'http://127.0.0.1:8080/api/health';

export const api: SwitchedFacts = {
  name: 'api',
  port: 3000,
  url: URL,
  containers: [{ name: 'shop_api_1', labels: {}, aliases: ['api', 'api-blue'] }],
};

/** What `nginx -T` prints of it. */
const CONFIGURATION = `# configuration file /etc/nginx/nginx.conf:
http {
    resolver 127.0.0.11 valid=1s ipv6=off;
    keepalive_min_timeout 10s;
    include ${DIRECTORY}/http/*.conf;
    server {
        include ${DIRECTORY}/server/*.conf;
        location /api/ {
            proxy_pass http://$api_upstream;
        }
    }
}
`;

export function instance(more: Partial<InstanceFacts> = {}): InstanceFacts {
  const version = more.version ?? '1.29.3';
  const wanted = snippetsFor([{ name: 'api', port: 3000 }], DIRECTORY, version);
  return {
    id: 'id-nginx',
    unasked: {},
    name: 'nginx',
    volume: 'state',
    version,
    test: { ok: true, output: 'syntax is ok' },
    configuration: CONFIGURATION,
    wanted,
    present: wanted.files,
    loaded: { api: { digest: wanted.digest } },
    routing: { live: { api: 'blue' }, generation: 3, since: '2026-03-01T11:00:00.000Z' },
    canSwitch: true,
    workers: [12, 11],
    ...more,
  };
}

/** The files of one that was never set up. */
export const absent = (): InstanceFacts['present'] => instance().wanted.files.map(({ name }) => ({ name, text: null }));

export const setup = (more: Partial<InstanceFacts> = {}, services: SwitchedFacts[] = [api]): SetupFacts => ({
  directory: DIRECTORY,
  services,
  instances: [instance(more)],
});
