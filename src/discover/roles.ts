import type { Found } from './facts.ts';

/** What a service is to the platform. `tool` is somebody else's program that is none of the other parts. */
export type Role = 'database' | 'cache' | 'prometheus' | 'nginx' | 'service' | 'tool' | 'once';

/** A role, and what told it. */
export interface Guess {
  role: Role;
  because: string;
}

interface Sign {
  role: Role;
  /** Programs by the name of their executable. */
  programs: string[];
  /** Words of the image's name. */
  words: string[];
  port?: number;
}

/* Programs of others that stand beside a platform: exporters, poolers, consoles, stores that opsctl does not know. */
const TOOL_WORDS = `
  exporter cadvisor alertmanager pushgateway sentinel insight redisinsight commander pgadmin
  pgadmin4 phppgadmin adminer pgbouncer pgpool backup backups grafana loki promtail tempo jaeger
  mailhog mailpit minio rabbitmq kafka zookeeper elasticsearch opensearch kibana mysql mariadb
  mongo mongodb memcached nats portainer watchtower traefik caddy haproxy envoy certbot autoheal
`
  .trim()
  .split(/\s+/);

/* In this order: an exporter of Postgres has Postgres in its name, too. */
const SIGNS: Sign[] = [
  {
    role: 'tool',
    programs: [
      'redis-sentinel',
      'prometheus-alertmanager',
      'alertmanager',
      'pgbouncer',
      'traefik',
      'caddy',
      'haproxy',
      'envoy',
    ],
    words: TOOL_WORDS,
  },
  {
    role: 'database',
    programs: ['postgres', 'postmaster'],
    words: ['postgres', 'postgresql', 'postgis', 'timescaledb', 'pgvector'],
    port: 5432,
  },
  {
    role: 'cache',
    programs: ['redis-server', 'valkey-server', 'keydb-server'],
    words: ['redis', 'valkey', 'keydb'],
    port: 6379,
  },
  { role: 'prometheus', programs: ['prometheus'], words: ['prometheus'], port: 9090 },
  { role: 'nginx', programs: ['nginx', 'openresty'], words: ['nginx', 'openresty'] },
];

/** Judges by the program that runs, then the image's name, then the port; what fits nothing is a service. */
export function roleOf(found: Found): Guess {
  const programs = programsOf(found.command);
  const words = imageWords(found.image);
  const ports = new Set(found.ports.map(({ container }) => container));
  for (const { role, programs: own, words: known, port } of SIGNS) {
    const program = programs.find((one) => own.includes(one) || (role === 'tool' && /-exporter(\.\w+)?$/.test(one)));
    if (program !== undefined) return { role, because: `it runs ${program}` };
    // A service of one's own may be called after the server that it talks to; its port tells them apart.
    const named = known.find((word) => words.includes(word));
    if (named !== undefined && (port === undefined || ports.size === 0 || ports.has(port)))
      return { role, because: `its image is ${found.image}` };
    if (port !== undefined && port !== 9090 && ports.size === 1 && ports.has(port))
      return { role, because: `it listens on port ${port.toString()}` };
  }
  if (found.containers.length > 0 && found.containers.every(({ state }) => state === 'exited'))
    return { role: 'once', because: 'its container has ended' };
  return { role: 'service', because: `its image is ${found.image}` };
}

/** What starts another program: shells, init programs, the entrypoint scripts of images. */
const WRAPPER = /^(-.*|(ba|da)?sh|exec|tini|dumb-init|docker-init|gosu|su-exec|.*entrypoint.*|.*\.sh)$/;

/** The names up to and with the first that is no wrapper: `tini -- docker-entrypoint.sh redis-server` is redis-server. */
function programsOf(command: readonly string[]): string[] {
  const words = command.flatMap((word) => word.split(/\s+/)).slice(0, 12);
  const names = words.map((word) => word.split(/[/\\]/).at(-1) ?? '');
  const first = names.findIndex((name) => !WRAPPER.test(name));
  return first < 0 ? names : names.slice(0, first + 1);
}

/** `registry.example:5000/team/my-redis:7@sha256:…` -> my, redis */
function imageWords(image: string): string[] {
  const name = image.replace(/@.*$/, '').split('/').at(-1) ?? '';
  return name
    .replace(/:.*$/, '')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
}
