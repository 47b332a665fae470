import type { Command } from '../core/command.ts';
import { cache } from './cache/entries.ts';
import { database } from './db/entries.ts';
import { metrics } from './metrics/entries.ts';

/** Headings of the root help, in order. */
export const GROUPS = { look: 'Look', change: 'Change', setup: 'Set up' } as const;

/** A command as the root help and completion know it, without its module being loaded. */
export interface Entry {
  /** As typed, words separated by one space. */
  name: string;
  /** The same sentence as in the declaration; a test compares them. */
  summary: string;
  group: keyof typeof GROUPS;
  load: () => Promise<{ default: Command }>;
}

/** Every command, flat. A module is loaded only when its command runs. */
export const registry: readonly Entry[] = [
  {
    name: 'health',
    summary: 'Is the platform well? Services, database, cache, load balancer; everything with --detailed',
    group: 'look',
    load: () => import('./health.ts'),
  },
  {
    name: 'status',
    summary: 'Every container of the platform: version, state, health, uptime, ports',
    group: 'look',
    load: () => import('./status.ts'),
  },
  {
    name: 'stats',
    summary: 'CPU, memory, network and disk use of containers',
    group: 'look',
    load: () => import('./stats.ts'),
  },
  {
    name: 'logs',
    summary: 'Logs of a service, replicas merged in order of time, JSON made readable',
    group: 'look',
    load: () => import('./logs.ts'),
  },
  {
    name: 'network',
    summary: 'Networks and the containers on them',
    group: 'look',
    load: () => import('./network.ts'),
  },
  {
    name: 'volume',
    summary: 'Volumes and the containers that use them',
    group: 'look',
    load: () => import('./volume.ts'),
  },
  {
    name: 'trace',
    summary: 'Where the time of a request goes: DNS, connect, TLS, first byte, total',
    group: 'look',
    load: () => import('./trace.ts'),
  },
  {
    name: 'links',
    summary: 'Dashboards, documentation and other URLs of the platform',
    group: 'look',
    load: () => import('./links.ts'),
  },
  {
    name: 'open',
    summary: 'Open a link of the platform in the browser',
    group: 'look',
    load: () => import('./open.ts'),
  },
  {
    name: 'contacts',
    summary: 'Whom to call: the escalation matrix by level, vendors apart',
    group: 'look',
    load: () => import('./contacts.ts'),
  },
  {
    name: 'history',
    summary: 'Changes that were made, by whom, and how they ended',
    group: 'look',
    load: () => import('./history.ts'),
  },
  {
    name: 'lock',
    summary: 'Who holds the lock of changes, since when, and whether it still lives',
    group: 'look',
    load: () => import('./lock.ts'),
  },
  {
    name: 'completion',
    summary: 'Print the script that completes commands, flags and names in a shell',
    group: 'setup',
    load: () => import('./completion.ts'),
  },
  {
    name: 'deploy status',
    summary: 'What is live: colour, version and replicas of each service, and what does not agree with it',
    group: 'look',
    load: () => import('./deploy/status.ts'),
  },
  {
    name: 'deploy history',
    summary: 'Deploys that were made, by whom, and how they ended',
    group: 'look',
    load: () => import('./deploy/history.ts'),
  },
  ...database,
  ...cache,
  ...metrics,
  {
    name: 'lb status',
    summary: 'Where the load balancer sends traffic, since when, and what it runs with',
    group: 'look',
    load: () => import('./lb/status.ts'),
  },
  {
    name: 'lb check',
    summary: 'Is the load balancer ready for deploys that lose no request, and what does it lack?',
    group: 'look',
    load: () => import('./lb/check.ts'),
  },
  {
    name: 'deploy blue-green',
    summary: 'Start a release beside the live one, test it, switch all traffic at once, watch it',
    group: 'change',
    load: () => import('./deploy/blue-green.ts'),
  },
  {
    name: 'deploy canary',
    summary: 'Give a new version to a share of visitors, compare it with the stable one, then more',
    group: 'change',
    load: () => import('./deploy/canary.ts'),
  },
  {
    name: 'deploy promote',
    summary: 'Give the canary to all visitors, or to another share of them',
    group: 'change',
    load: () => import('./deploy/promote.ts'),
  },
  {
    name: 'deploy retire',
    summary: 'Stop the release before the live one, which was kept running for a quick rollback',
    group: 'change',
    load: () => import('./deploy/retire.ts'),
  },
  {
    name: 'deploy resume',
    summary: 'Finish a deploy that was left in the middle, from any machine',
    group: 'change',
    load: () => import('./deploy/resume.ts'),
  },
  {
    name: 'deploy abort',
    summary: 'Take back a deploy that was left in the middle, from any machine',
    group: 'change',
    load: () => import('./deploy/abort.ts'),
  },
  {
    name: 'lb setup',
    summary: 'Write what nginx needs so that deploys switch traffic without a reload',
    group: 'change',
    load: () => import('./lb/setup.ts'),
  },
  {
    name: 'lb reload',
    summary: 'Make the load balancer load its configuration, and see that it did',
    group: 'change',
    load: () => import('./lb/reload.ts'),
  },
  {
    name: 'service restart',
    summary: 'Restart a service, one container after the other, waiting until each serves',
    group: 'change',
    load: () => import('./service/restart.ts'),
  },
  {
    name: 'lock release',
    summary: 'Break the change lock of a program that died, with a reason that is journalled',
    group: 'change',
    load: () => import('./lock/release.ts'),
  },
  {
    name: 'resume',
    summary: 'Finish a change that was left in the middle, from any machine',
    group: 'change',
    load: () => import('./resume.ts'),
  },
  {
    name: 'abort',
    summary: 'Take back a change that was left in the middle, from any machine',
    group: 'change',
    load: () => import('./abort.ts'),
  },
  {
    name: 'init',
    summary: 'Writes an opsctl.yaml for a compose project that runs, each guess explained',
    group: 'setup',
    load: () => import('./init.ts'),
  },
  {
    name: 'config show',
    summary: 'The configuration in use, with --origin where each value comes from',
    group: 'setup',
    load: () => import('./config/show.ts'),
  },
  {
    name: 'config check',
    summary: 'Does the configuration load, and is everything that it names there and reachable?',
    group: 'setup',
    load: () => import('./config/check.ts'),
  },
  {
    name: 'config schema',
    summary: 'The JSON Schema of opsctl.yaml, for editors',
    group: 'setup',
    load: () => import('./config/schema.ts'),
  },
];

/** What each noun with several verbs is about. */
export const NOUNS: Readonly<Record<string, string>> = {
  cache: 'Redis or Valkey: what it holds, what slows it',
  config: 'the configuration: show it, check it, its schema',
  db: 'PostgreSQL: what it does, what slows it, what to do about it',
  deploy: 'releases: put one live, see what is live',
  lb: 'the load balancer',
  lock: 'the lock that keeps changes apart',
  metrics: 'Prometheus: what it counted, what it warns of',
  service: 'one service of the platform',
};
