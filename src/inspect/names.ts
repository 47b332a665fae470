import { distance } from 'fastest-levenshtein';

import { OpsError } from '../core/errors.ts';
import { composeService } from '../core/names.ts';
import type { Platform } from '../core/platform.ts';
import type { Container } from '../core/ports/engine.ts';
import { byService, isOfPlatform, serviceOf } from '../core/containers.ts';
import { compareNames } from '../core/text.ts';

/** A part that the configuration names, and the compose service that runs it. */
export interface Part {
  name: string;
  kind: 'service' | 'load balancer' | 'database' | 'cache' | 'metrics';
  /** Absent when the part runs elsewhere and only its URL is configured. */
  service?: string;
}

/** Every part of the configuration that may have containers, in the order in which people think of them. */
export function configuredParts(platform: Platform): Part[] {
  const part = (name: string, kind: Part['kind'], service: string | undefined): Part => ({
    name,
    kind,
    ...(service === undefined ? {} : { service }),
  });
  return [
    ...Object.entries(platform.services).map(([key, { service }]) => part(key, 'service', service ?? key)),
    ...(platform.loadBalancer === undefined
      ? []
      : [part('load-balancer', 'load balancer', platform.loadBalancer.service)]),
    ...Object.entries(platform.databases).map(([key, { service }]) => part(key, 'database', service)),
    ...Object.entries(platform.caches).map(([key, { service }]) => part(key, 'cache', service)),
    ...(platform.prometheus === undefined ? [] : [part('prometheus', 'metrics', platform.prometheus.service)]),
  ];
}

/**
 * The containers that a word means: a compose service, a configured part or role, a container's name, or the
 * beginning of a container's id (at least 6 characters), in this order. Containers of other platforms on the
 * same engine are found by their full name only.
 * @throws NOT_FOUND with the nearest names
 */
export function containersNamed(word: string, platform: Platform, containers: readonly Container[]): Container[] {
  const own = containers.filter((container) => isOfPlatform(container, platform.compose.project));
  for (const service of [word, composeService(platform, word)]) {
    const replicas = own.filter((container) => serviceOf(container) === service);
    if (replicas.length > 0) return replicas.toSorted(byService);
  }
  const named = containers.filter(({ name }) => name === word);
  if (named.length > 0) return named;
  const byId = /^[0-9a-f]{6,64}$/.test(word) ? own.filter(({ id }) => id.startsWith(word)) : [];
  if (byId.length === 1) return byId;
  const parts = configuredParts(platform);
  const part = parts.find(({ name, service }) => name === word || service === word);
  if (part !== undefined) throw withoutContainer(part, platform);
  const names = [
    ...own.flatMap((container) => [serviceOf(container), container.name]),
    ...parts.map(({ name }) => name),
  ];
  throw unknownName('service or container', word, [...new Set(names)], 'See what there is with: opsctl status');
}

function withoutContainer(part: Part, platform: Platform): OpsError {
  const { name, kind, service } = part;
  if (service === undefined) {
    return new OpsError('NOT_FOUND', `${kind} ${name} is no container of this platform: only its URL is configured`, {
      hint: 'See its settings with: opsctl config show',
    });
  }
  return new OpsError('NOT_FOUND', `${kind} ${name} has no container in compose project ${platform.compose.project}`, {
    hint: 'See what runs with: opsctl status. Which service the name stands for: opsctl config show',
  });
}

/** The error for a name that does not exist: the nearest ones, else all while they are few. */
export function unknownName(kind: string, word: string, names: string[], hint: string): OpsError {
  const near = nearest(word, names);
  const meant = near.length > 0 ? `; did you mean ${near.join(' or ')}?` : '';
  const all =
    near.length === 0 && names.length > 0 && names.length <= MOST_LISTED ? ` Known: ${names.join(', ')}.` : '';
  return new OpsError('NOT_FOUND', `there is no ${kind} ${word}${meant}`, {
    hint: `${hint}${all}`,
  });
}

const MOST_LISTED = 12;
const MOST_NEAR = 3;

/**
 * Names that a mistyped word may have meant, nearest first, at most three: at most a third of its letters
 * are wrong (at least one may be), or it is part of the name.
 */
export function nearest(word: string, names: readonly string[]): string[] {
  const typed = word.toLowerCase();
  const allowed = Math.max(1, Math.floor(typed.length / 3));
  return [...new Set(names)]
    .map((name) => ({ name, far: distance(typed, name.toLowerCase()) }))
    .filter(({ name, far }) => far <= allowed || (typed.length >= 3 && name.toLowerCase().includes(typed)))
    .toSorted((a, b) => a.far - b.far || compareNames(a.name, b.name))
    .slice(0, MOST_NEAR)
    .map(({ name }) => name);
}
