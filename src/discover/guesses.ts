import type { Study } from './study.ts';

/** What one part of the platform was taken for, and why. */
export interface GuessLine {
  part: string;
  role: string;
  because: string;
  health: string | null;
}

const ROLES: Record<string, string> = {
  nginx: 'load balancer',
  tool: 'not a part',
  once: 'ran once',
};

/** Everything that discovery decided, for people and scripts. */
export function guessesOf(study: Study): GuessLine[] {
  const balancer = study.balancer?.health?.url ?? null;
  const parts = study.parts.map(({ service, role, because }) => ({
    part: service,
    role: ROLES[role] ?? role,
    because,
    health: role === 'nginx' ? balancer : (study.health.get(service)?.url ?? null),
  }));
  const outside = study.connections
    .filter(({ target }) => target === undefined)
    .map(({ host, kind, by, urlVariable }) => ({
      part: host,
      role: `${kind} outside`,
      because: `${urlVariable ?? 'the environment'} of ${by} names it`,
      health: null,
    }));
  return [...parts, ...new Map(outside.map((one) => [`${one.role} ${one.part}`, one])).values()];
}
