/** The commands of Prometheus. */
import type { Entry } from '../index.ts';

export const metrics: readonly Entry[] = [
  {
    name: 'metrics golden',
    summary: 'The golden signals of each service: requests, errors, latency, saturation',
    group: 'look',
    load: () => import('./golden.ts'),
  },
  {
    name: 'metrics alerts',
    summary: 'Alerts that fire or are about to, by severity, and where to look',
    group: 'look',
    load: () => import('./alerts.ts'),
  },
  {
    name: 'metrics targets',
    summary: 'What Prometheus scrapes, and what it cannot and why',
    group: 'look',
    load: () => import('./targets.ts'),
  },
  {
    name: 'metrics query',
    summary: 'Ask Prometheus one query, now or at a time',
    group: 'look',
    load: () => import('./query.ts'),
  },
  {
    name: 'metrics range',
    summary: 'How a query went over time: least, most, last, and a line of bars a series',
    group: 'look',
    load: () => import('./range.ts'),
  },
];
