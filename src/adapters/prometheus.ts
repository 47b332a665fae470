/**
 * Prometheus through its HTTP API, with this program's own client (http/request.ts) and not axios. Measured on
 * Node 24 over bare node: node:http 6 ms, axios 102 ms (bundled 56 ms); health loads the own client anyway, and it
 * already has what axios lacks: one deadline over name, connection, TLS and body, a cap on decoded bytes, and
 * errors in operator words.
 */
import { OpsError } from '../core/errors.ts';
import type { TlsOptions } from '../core/ports/http.ts';
import type { Answered, MetricsBounds, MetricsReader } from '../core/ports/metrics.ts';
import type { Secret } from '../core/secret.ts';
import { bodyText } from './http/body.ts';
import { send, type RawAnswer, type Request } from './http/request.ts';
import { readTarget, type Target } from './http/target.ts';
import { openTrust } from './http/trust.ts';
import { readAlerts, readEnvelope, readSamples, readSeries, readTargets } from './prometheus-answers.ts';

/** For one call, in ms: health asks several at once, and a Prometheus that needs longer is ill itself. */
const DEADLINE_MS = 3000;
/** What the server has less than we wait, so that it stops working on a query before nobody waits for it any more. */
const HEAD_START_MS = 500;
/** About 10,000 targets or 50,000 samples; nothing a person or a check asks for is near that. */
const BODY_LIMIT = 10 * 1024 * 1024;
/** Remarks of the server that are passed on. */
const REMARKS = 10;
/** Longer queries go in a form: proxies commonly refuse request lines over 8 KiB. GET else, which every proxy lets pass. */
const LONGEST_GET = 2000;

export interface PrometheusOptions {
  /** Where it is reached now (`url`, which may end in a path prefix) and how that was found, for people (`how`). Asked once. */
  url: () => Promise<{ url: string; how: string }>;
  bearer?: () => Promise<Secret>;
  tls?: TlsOptions;
  /** The compose service that it runs as, where it does: errors lead to its log. */
  service?: string;
  /** Where a relative `tls.ca` starts. */
  directory: string;
}

/**
 * Asks one Prometheus (or anything that speaks its query API).
 * Every call throws UNREACHABLE, TIMED_OUT, AUTH_FAILED, NOT_READY (starting, or a proxy without it behind),
 * BAD_ANSWER (not Prometheus, malformed, over 10 MiB) and REJECTED with the server's own text.
 */
export function openMetrics(options: PrometheusOptions): MetricsReader {
  const trustFor = openTrust(options.directory, options.tls);
  const found = once(async () => {
    const { url, how } = await options.url();
    return { base: url.replace(/[?#].*$/s, '').replace(/\/*$/, '/'), how };
  });
  const bearer = once(async () => options.bearer?.());

  const ask = async (path: string, query: URLSearchParams, timeoutMs = DEADLINE_MS): Promise<Said> => {
    const { base, how } = await found();
    const asForm = query.toString().length > LONGEST_GET;
    const target = readTarget(`${base}api/v1/${path}${asForm || query.size === 0 ? '' : `?${query.toString()}`}`);
    const token = await bearer();
    const request: Request = {
      method: asForm ? 'POST' : 'GET',
      headers: {
        accept: 'application/json',
        'accept-encoding': 'gzip',
        ...(token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` }),
      },
      ...(asForm ? { form: query } : {}),
      timeoutMs,
      bodyLimit: BODY_LIMIT,
      trust: target.secure ? await trustFor({}) : undefined,
    };
    try {
      return dataOf(await send(target, request), target, how);
    } catch (thrown) {
      // A container that was made anew has another address: the next round of a watch looks it up again.
      found.forget();
      throw hinted(thrown, options.service);
    }
  };

  const evaluate = (
    path: string,
    promql: string,
    more: Record<string, string>,
    ms = DEADLINE_MS - HEAD_START_MS,
  ): Promise<Said> =>
    ask(path, new URLSearchParams({ query: promql, timeout: `${ms.toString()}ms`, ...more }), ms + HEAD_START_MS);

  return {
    query: async (promql, at) =>
      readSamples((await evaluate('query', promql, at === undefined ? {} : { time: at })).data),
    instant: async (promql, at, bounds) => {
      const said = await evaluate('query', promql, { time: at, ...limit(bounds) }, bounds.ms);
      return bounded(readSamples(said.data), said, bounds);
    },
    range: async (promql, { from, to, stepMs }, bounds) => {
      const window = { start: from, end: to, step: `${stepMs.toString()}ms` };
      const said = await evaluate('query_range', promql, { ...window, ...limit(bounds) }, bounds.ms);
      return bounded(readSeries(said.data), said, bounds);
    },
    targets: async () => readTargets((await ask('targets', new URLSearchParams({ state: 'active' }))).data),
    alerts: async () => readAlerts((await ask('alerts', new URLSearchParams())).data),
  };
}

/** Data, and what the server says besides. */
interface Said {
  data: unknown;
  remarks: string[];
}

/** One more tells whether there are more. Servers before 3.0 do not know it and answer all; the limit of bytes holds. */
const limit = ({ series }: MetricsBounds): { limit: string } => ({ limit: (series + 1).toString() });

const bounded = <T>(all: T[], { remarks }: Said, { series }: MetricsBounds): Answered<T> => ({
  series: all.slice(0, series),
  more: all.length > series,
  remarks: remarks.slice(0, REMARKS).map((remark) => remark.slice(0, 500)),
});

function dataOf(answer: RawAnswer, target: Target, how: string): Said {
  const details = { status: answer.status, how };
  const at = `prometheus at ${target.url.origin}`;
  if (answer.status === 401 || answer.status === 403) {
    throw new OpsError('AUTH_FAILED', `${at} refuses the credentials (${answer.status.toString()})`, {
      hint: 'Write prometheus.bearer, or user name and password into prometheus.url, in the configuration.',
      details,
    });
  }
  if (answer.body.truncated) {
    throw new OpsError('BAD_ANSWER', `${at} answers more than ${BODY_LIMIT.toString()} bytes`, {
      hint: 'Narrow the query, for instance with sum by (service) (…) or topk(100, …).',
      details,
    });
  }
  const envelope = readEnvelope(bodyText(answer.body));
  if (envelope?.ok === true && answer.status === 200) return envelope;
  if (envelope?.ok === false) throw refusal(envelope, at, details);
  if (answer.status >= 502 && answer.status <= 504) {
    throw new OpsError(
      'NOT_READY',
      `${at} does not serve yet, or a proxy before it cannot reach it (${answer.status.toString()})`,
      { details },
    );
  }
  const location = answer.headers.location;
  throw new OpsError('BAD_ANSWER', `${at} does not answer as Prometheus does (${answer.status.toString()})`, {
    hint: `Correct prometheus.url in the configuration: <url>/api/v1/query?query=1 must answer JSON.`,
    details: { ...details, ...(location === undefined ? {} : { redirectsTo: origin(location) }) },
  });
}

/** Error types as the API documents them; what is not known is the server's refusal. */
function refusal(error: { type: string; error: string }, at: string, details: Record<string, unknown>): OpsError {
  const text = error.error.slice(0, 2000);
  const extras = { details: { ...details, errorType: error.type, ...placeOf(text) } };
  if (error.type === 'timeout' || error.type === 'canceled') {
    return new OpsError('TIMED_OUT', `${at} gave up on the query: ${text}`, {
      ...extras,
      hint: 'It runs, but the query is too much for it in this time: ask for fewer series or a shorter range.',
    });
  }
  if (error.type === 'unavailable' || error.type === 'internal') {
    return new OpsError('NOT_READY', `${at} cannot answer: ${text}`, extras);
  }
  return new OpsError('REJECTED', `${at} rejects the query: ${text}`, {
    ...extras,
    hint: "Correct it; its parts can be tried one by one, as in: opsctl metrics query 'sum by (job) (up)'",
  });
}

/** Where in the query a mistake is. It stands nowhere but in the text, in the form that the parser gives it. */
function placeOf(text: string): { line: number; column: number } | undefined {
  const [, line, column] = /(?:^|[ :])(\d{1,6}):(\d{1,6}): parse error: /.exec(text) ?? [];
  return line === undefined ? undefined : { line: Number(line), column: Number(column) };
}

/** What does not answer, or not yet, may not run: said where nothing better is known. */
function hinted(thrown: unknown, service: string | undefined): unknown {
  if (!(thrown instanceof OpsError) || thrown.hint !== undefined) return thrown;
  const { code, message, details, cause } = thrown;
  if (code !== 'UNREACHABLE' && code !== 'TIMED_OUT' && code !== 'NOT_READY') return thrown;
  const hint =
    service === undefined
      ? 'See whether it runs where it is hosted, or correct prometheus.url in the configuration and run: opsctl config check.'
      : `See whether it runs: opsctl status ${service}; its log: opsctl logs ${service} --tail 50.`;
  return new OpsError(code, message, { hint, cause, ...(details === undefined ? {} : { details }) });
}

/** Where a redirect leads, without the path and query that may carry tokens. */
const origin = (location: string): string => URL.parse(location)?.origin ?? 'another path';

/** Asks once; a failure is forgotten, so that the next round of a watch asks again. */
function once<T>(ask: () => Promise<T>): { (): Promise<T>; forget(): void } {
  let asked: Promise<T> | undefined;
  const forget = (): void => {
    asked = undefined;
  };
  const get = (): Promise<T> => {
    asked ??= ask().catch((thrown: unknown) => {
      forget();
      throw thrown;
    });
    return asked;
  };
  return Object.assign(get, { forget });
}
