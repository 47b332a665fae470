import type { Platform } from './platform.ts';

/** Compose service of a name as people say it: a configured key, a role such as `database`, or the compose name itself. */
export function composeService(platform: Platform, said: string): string {
  const only = (parts: Record<string, { service?: string | undefined }>): string | undefined => {
    const [first, ...others] = Object.entries(parts);
    return first !== undefined && others.length === 0 ? (first[1].service ?? first[0]) : undefined;
  };
  const configured = platform.services[said] ?? platform.databases[said] ?? platform.caches[said];
  if (configured !== undefined) return configured.service ?? said;
  const roles: Record<string, string | undefined> = {
    database: only(platform.databases),
    postgres: only(platform.databases),
    redis: only(platform.caches),
    cache: only(platform.caches),
    'load-balancer': platform.loadBalancer?.service,
    prometheus: platform.prometheus?.service,
  };
  return (Object.hasOwn(roles, said) ? roles[said] : undefined) ?? said;
}
