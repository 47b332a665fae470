/**
 * Finds what a health endpoint says of one of its parts. Health answers have no standard; these are the
 * shapes of the common libraries (terminus, Spring Boot actuator, ASP.NET, the health+json draft, hand-made).
 */

/** Names under which the two parts usually appear, lower case. */
const USUAL_NAMES = {
  database: ['database', 'db', 'postgres', 'postgresql', 'pg', 'sql', 'typeorm', 'prisma'],
  cache: ['redis', 'cache', 'valkey', 'keyvalue'],
} as const;
const USUAL_PARENTS = [
  'components',
  'checks',
  'services',
  'dependencies',
  'details',
  'info',
  'error',
  'results',
  'entries',
  'status',
];
const UP = new Set([
  'ok',
  'up',
  'healthy',
  'pass',
  'passed',
  'connected',
  'ready',
  'available',
  'alive',
  'true',
  'green',
  'serving',
]);
const DOWN = new Set([
  'down',
  'unhealthy',
  'fail',
  'failed',
  'error',
  'disconnected',
  'unavailable',
  'not ready',
  'dead',
  'false',
  'red',
  'timeout',
  'critical',
]);

/** What a health answer says of a part; `degraded` for words between up and down. */
export type Reported = { state: 'up' | 'down' | 'degraded'; where: string; detail: string } | undefined;

/**
 * @param body the answer, as text
 * @param mapped path from the configuration; null says that the part is not reported
 */
export function reportedComponent(body: string, part: keyof typeof USUAL_NAMES, mapped?: string | null): Reported {
  if (mapped === null) return undefined;
  const root = parse(body);
  if (root === undefined) return undefined;
  if (mapped !== undefined) {
    const value = mapped.split('.').reduce<unknown>((here, key) => field(here, key), root);
    return judge(value, mapped);
  }
  for (const parent of [undefined, ...USUAL_PARENTS]) {
    const inside = parent === undefined ? root : field(root, parent);
    for (const name of USUAL_NAMES[part]) {
      const found = judge(field(inside, name), parent === undefined ? name : `${parent}.${name}`);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** True when a body is JSON, so that it can report anything at all. */
export const isHealthJson = (body: string): boolean => parse(body) !== undefined;

function parse(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function field(value: unknown, key: string): unknown {
  if (value === null || typeof value !== 'object') return undefined;
  const exact =
    Object.entries(value).find(([name]) => name === key) ??
    Object.entries(value).find(([name]) => name.toLowerCase() === key.toLowerCase());
  return exact?.[1];
}

function judge(value: unknown, where: string): Reported {
  if (typeof value === 'boolean') return { state: value ? 'up' : 'down', where, detail: String(value) };
  if (typeof value === 'string') {
    const word = value.toLowerCase().trim();
    return { state: UP.has(word) ? 'up' : DOWN.has(word) ? 'down' : 'degraded', where, detail: value.slice(0, 80) };
  }
  const first: unknown = Array.isArray(value) ? value[0] : value;
  for (const key of ['status', 'state', 'healthy', 'ok', 'up', 'connected', 'value']) {
    const inner = field(first, key);
    if (typeof inner === 'string' || typeof inner === 'boolean') {
      const said = judge(inner, where);
      const message = ['error', 'message', 'output', 'reason']
        .map((name) => field(first, name))
        .find((text) => typeof text === 'string' && text !== '');
      return said === undefined
        ? undefined
        : {
            ...said,
            where,
            detail: typeof message === 'string' ? `${said.detail}: ${message.slice(0, 120)}` : said.detail,
          };
    }
  }
  return undefined;
}
