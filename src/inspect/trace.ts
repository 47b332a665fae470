import { setTimeout as sleep } from 'node:timers/promises';

import * as z from 'zod';

import { asOpsError, OpsError } from '../core/errors.ts';
import type { Platform } from '../core/platform.ts';
import type { HttpAnswer, HttpReader, TlsOptions } from '../core/ports/http.ts';
import { unknownName } from './names.ts';
import { spread } from '../core/percentiles.ts';

const spreadSchema = z.object({ p50: z.number(), p95: z.number(), max: z.number() });

/** Phases in the order in which they happen; `download` is what is left of the total after the first byte. */
export const PHASES = ['dns', 'connect', 'tls', 'firstByte', 'download'] as const;
export type Phase = (typeof PHASES)[number];

/** What `trace` measured, in ms. */
export const traceSchema = z.object({
  url: z.string(),
  sent: z.number(),
  answered: z.number(),
  phases: z
    .array(z.object({ phase: z.enum(PHASES), count: z.number(), ...spreadSchema.shape }))
    .describe('phases that happened: no dns for an address, no tls for http'),
  total: spreadSchema,
  statuses: z.record(z.string(), z.number()).describe('answers by status code'),
  errors: z.array(z.object({ code: z.string(), message: z.string(), count: z.number() })),
  addresses: z.array(z.string()).describe('addresses that answered'),
  httpVersion: z.string(),
  size: z.number().describe('bytes of the body of the last answer'),
  location: z.string().optional().describe('where the last answer redirects to; it is not followed'),
  insecure: z.boolean().describe('true when certificates were not verified'),
});
export type Trace = z.infer<typeof traceSchema>;

/** Names that may be traced, and the URLs that they stand for. */
function namedUrls({ services, loadBalancer, links }: Platform): Map<string, string> {
  const urls = new Map<string, string>();
  for (const [name, link] of Object.entries(links)) urls.set(name, typeof link === 'string' ? link : link.url);
  if (loadBalancer?.health !== undefined) urls.set('load-balancer', loadBalancer.health);
  for (const [name, { health }] of Object.entries(services)) if (health !== undefined) urls.set(name, health);
  return urls;
}

/**
 * The URL that a word stands for: a URL; a path on the load balancer's (else the first service's) URL; the
 * health URL of a service; a link.
 * @throws USAGE, NOT_CONFIGURED, NOT_FOUND with the nearest names
 */
export function traceTarget(word: string, platform: Platform): string {
  if (/^https?:\/\//i.test(word)) {
    if (URL.canParse(word)) return word;
    throw new OpsError('USAGE', `${word} is no URL`, { hint: 'Write it as https://host/path.' });
  }
  const urls = namedUrls(platform);
  if (word.startsWith('/')) {
    const base =
      platform.loadBalancer?.health ??
      Object.values(platform.services).find(({ health }) => health !== undefined)?.health;
    if (base !== undefined) return new URL(word, base).href;
    throw new OpsError('NOT_CONFIGURED', `the path ${word} needs a URL to start from, and the load balancer has none`, {
      hint: 'Set loadBalancer.health in the configuration, or give the whole URL.',
    });
  }
  const url = urls.get(word);
  if (url !== undefined) return url;
  if (Object.hasOwn(platform.services, word)) {
    throw new OpsError('NOT_CONFIGURED', `service ${word} has no health URL`, {
      hint: `Set services.${word}.health in the configuration, or give the whole URL.`,
    });
  }
  const looksLikeHost = /^[\w-]+(?:\.[\w-]+)+(?:[:/]|$)|^localhost(?:[:/]|$)/.test(word);
  if (looksLikeHost)
    throw new OpsError('USAGE', `${word} is no URL`, { hint: `Did you mean: opsctl trace http://${word}` });
  throw unknownName(
    'service or link',
    word,
    [...urls.keys()],
    'Give a URL, a path such as /api/health, or a name that `opsctl links` shows.',
  );
}

/** One request after another. */
export interface Probing {
  url: string;
  count: number;
  intervalMs: number;
  timeoutMs: number;
  tls: TlsOptions | undefined;
  signal: AbortSignal;
}

/** Sends the requests, each on a fresh connection. @throws what the last request threw, when none was answered */
export async function observeTrace(http: HttpReader, probing: Probing): Promise<Trace> {
  const { url, count, intervalMs, timeoutMs, tls, signal } = probing;
  const answers: HttpAnswer[] = [];
  const failures: OpsError[] = [];
  for (let sent = 0; sent < count && !signal.aborted; sent += 1) {
    if (sent > 0) await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
    try {
      answers.push(await http.get(url, { timeoutMs, ...(tls === undefined ? {} : { tls }) }));
    } catch (thrown) {
      const failure = asOpsError(thrown);
      if (failure.code === 'BUG' || failure.exit === 2) throw failure;
      failures.push(failure);
    }
  }
  return summarize(url, answers, failures, tls?.insecure === true);
}

/** Answers and failures as figures. @throws the last failure, when there is no answer */
export function summarize(
  url: string,
  answers: readonly HttpAnswer[],
  failures: readonly OpsError[],
  insecure: boolean,
): Trace {
  const last = answers.at(-1);
  const total = spread(answers.map(({ timings }) => timings.total));
  if (last === undefined || total === undefined) {
    throw failures.at(-1) ?? new OpsError('INTERRUPTED', `${url} was not asked`);
  }
  const statuses: Record<string, number> = {};
  for (const { status } of answers) statuses[status] = (statuses[status] ?? 0) + 1;
  const location = last.status >= 300 && last.status < 400 ? last.headers['location'] : undefined;
  return {
    url,
    sent: answers.length + failures.length,
    answered: answers.length,
    phases: PHASES.flatMap((phase) => {
      const values = answers.map((answer) => phaseMs(answer, phase)).filter((value) => value !== undefined);
      const figures = spread(values);
      return figures === undefined ? [] : [{ phase, count: values.length, ...figures }];
    }),
    total,
    statuses,
    errors: [...Map.groupBy(failures, ({ code, message }) => `${code} ${message}`).values()].flatMap((same) => {
      const [first] = same;
      return first === undefined ? [] : [{ code: first.code, message: first.message, count: same.length }];
    }),
    addresses: [...new Set(answers.map(({ remoteAddress }) => remoteAddress))],
    httpVersion: last.httpVersion,
    size: last.size,
    ...(location === undefined ? {} : { location }),
    insecure,
  };
}

function phaseMs({ timings }: HttpAnswer, phase: Phase): number | undefined {
  if (phase !== 'download') return timings[phase];
  const { dns = 0, connect, tls = 0, firstByte, total } = timings;
  return Math.max(0, total - dns - connect - tls - firstByte);
}
