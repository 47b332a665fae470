/** How releases are made, as the configuration says it. */
import * as z from 'zod';

import { milliseconds, text } from './values.ts';

const hook = z
  .strictObject({
    command: z.array(text).min(1).describe('program and arguments, run on this machine; no shell'),
    timeoutMs: milliseconds.default(60_000),
  })
  .meta({ id: 'Hook', description: 'a command of yours; the facts of the release are in its environment as OPSCTL_…' });

/** How releases are made. The defaults: `docs/deploys.md`. */
export const deploySchema = z
  .strictObject({
    healthyWithinMs: milliseconds.default(60_000).describe('how long a new container may take until it serves'),
    smokePasses: z.number().int().min(1).default(3).describe('answers in a row, one a second, that count as well'),
    watchMs: z
      .number()
      .int()
      .min(0)
      .default(60_000)
      .describe(
        'how long a new version is watched after the switch, and taken back when it is not well; below 15 s by its containers only',
      ),
    drainMs: milliseconds.default(30_000).describe('how long the old version may take to finish its requests'),
    keepWarmMs: milliseconds
      .default(900_000)
      .describe(
        'how long after a switch `deploy retire` leaves the version before running, for a quick rollback; nothing but `deploy retire` and the next deploy stops it, however long ago that was',
      ),
    hooks: z
      .strictObject({
        before: z
          .array(hook)
          .default([])
          .describe('once all images are here, before any container is changed; a failure ends the deploy'),
        after: z.array(hook).default([]).describe('after the release is live and well; a failure is reported only'),
      })
      .prefault({}),
  })
  .prefault({})
  .meta({ id: 'Deploy' });
export type DeployOptions = z.infer<typeof deploySchema>;

/** Series by which two versions of a service are compared; `$service` and `$version` are filled in. */
export const releaseSeriesSchema = z
  .strictObject({
    requests: text
      .default('http_requests_total{service="$service",version="$version"}')
      .describe('counter of requests'),
    errors: text
      .default('http_requests_total{service="$service",version="$version",status=~"5.."}')
      .describe('counter of those that failed'),
    durations: text
      .default('http_request_duration_seconds_bucket{service="$service",version="$version"}')
      .describe('buckets of the histogram of how long they took, in seconds'),
  })
  .prefault({})
  .describe('PromQL selectors of the series by which a new version is compared with the one before')
  .meta({ id: 'ReleaseSeries' });
export type ReleaseSeries = z.infer<typeof releaseSeriesSchema>;
