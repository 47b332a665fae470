import { cache as judgeCache } from '../checks/cache.ts';
import { database as judgeDatabase } from '../checks/database.ts';
import type { Context } from '../core/command.ts';
import { asOpsError, type OpsError } from '../core/errors.ts';
import { duration } from '../core/format.ts';
import { onServer } from '../core/suggested.ts';
import { type Verdict, verdict } from '../core/verdict.ts';
import { once } from '../core/once.ts';
import { notObserved, type Probe } from './probe.ts';
import { componentsOf, type Looks } from './services.ts';

type Part = 'database' | 'cache';

/** How a data server is asked by itself. */
interface Direct {
  /** Id and component: `database` and `redis` where there is one of the kind, else with its name. */
  id: string;
  name: string;
  part: Part;
  /** Commands that show its log; none where it is no container of the platform. */
  logs: string[];
  /** A suggested command, as it reaches this server: with its name where there are several of the kind. */
  asking: (command: string) => string;
  /** A cheap answer: is it there? */
  ping(): Promise<number>;
}

/** The data servers of the platform. Those it does not have are not there to fail. */
function servers(context: Context): Direct[] {
  const { platform, readers } = context;
  const list = (
    part: Part,
    id: string,
    configured: Record<string, { service?: string | undefined }>,
    ping: (name: string) => Promise<number>,
  ): Direct[] =>
    Object.entries(configured).map(([name, { service }], _index, all) => ({
      id: all.length === 1 ? id : `${id}:${name}`,
      name,
      part,
      logs: service === undefined ? [] : [`opsctl logs ${service} --tail 50`],
      asking: all.length === 1 ? (command) => command : onServer(part, name),
      ping: once(() => ping(name)),
    }));
  return [
    ...list('database', 'database', platform.databases, async (name) => (await readers.database.ready(name)).latencyMs),
    ...list('cache', 'redis', platform.caches, (name) => readers.cache.ping(name)),
  ];
}

/**
 * Database and cache as the services see them: by the health answer of the first service that reports them.
 * When none reports, or none answers, the server itself is asked, and the reason says so.
 */
export function componentProbes(context: Context, looks: Looks, timeoutMs: number): Probe[] {
  return servers(context).map((server) => ({
    id: server.id,
    component: server.id,
    timeoutMs,
    run: () => component(context, looks, server, timeoutMs),
  }));
}

async function component(context: Context, looks: Looks, server: Direct, timeoutMs: number): Promise<Verdict> {
  const began = performance.now();
  const several = server.id.includes(':');
  const reports = several ? [] : await reported(context, looks, server.part, timeoutMs / 2);
  const [first] = reports;
  const left = (): number => Math.max(100, timeoutMs - (performance.now() - began) - MARGIN_MS);
  if (first === undefined) {
    const why = several ? 'there are several of its kind' : 'no health answer reports it';
    return (
      (await direct(server, why, left())) ??
      verdict.unknown(`could not be observed within ${duration(timeoutMs)}`, server.logs)
    );
  }
  if (first.said.state === 'up') return verdict.ok(`up, says ${first.service} (${first.said.where})`);
  // Whom does the fault lie with, the server or the way to it? The server itself knows.
  const own =
    (await direct(server, 'asked itself', left())) ?? verdict.crit('it could not be asked itself in time', server.logs);
  const seen = own.status === 'ok' ? `it ${own.reason}, so look at the way between them` : own.reason;
  const make = first.said.state === 'degraded' ? verdict.warn : verdict.crit;
  return make(
    `${first.said.state}, says ${first.service} (${first.said.detail}); ${seen}`,
    own.status === 'ok' ? ['opsctl network', `opsctl logs ${first.service} --errors`] : own.next,
  );
}

/** Kept of a check's time to say what was seen. */
const MARGIN_MS = 200;

const patience = (ms: number): Promise<undefined> =>
  new Promise((resolve) => {
    setTimeout(() => {
      resolve(undefined);
    }, ms).unref();
  });

async function reported(
  context: Context,
  looks: Looks,
  part: Part,
  patienceMs: number,
): Promise<{ service: string; said: NonNullable<ReturnType<typeof componentsOf>[Part]> }[]> {
  const late = patience(patienceMs);
  const services = Object.entries(context.platform.services).filter(([, service]) => service.health !== undefined);
  const answers = await Promise.all(
    services.map(async ([key, service]) => {
      const look = await Promise.race([looks.service(key), late]);
      const said = look !== undefined && 'answer' in look ? componentsOf(look.answer.body, service)[part] : undefined;
      return said === undefined ? [] : [{ service: key, said }];
    }),
  );
  return answers.flat();
}

/** Asks the server itself; undefined when it has not answered after `ms`. */
async function direct(server: Direct, why: string, ms: number): Promise<Verdict | undefined> {
  try {
    const latency = await Promise.race([server.ping(), patience(ms)]);
    if (latency === undefined) return undefined;
    return verdict.ok(`answers by itself in ${duration(latency)} (asked directly: ${why})`, {
      value: Math.round(latency * 1000) / 1000,
      unit: 'ms',
    });
  } catch (thrown) {
    return failure(server, asOpsError(thrown));
  }
}

/** What an error of a direct connection says of the server: some errors are about us, not about it. */
function failure(server: Direct, error: OpsError): Verdict {
  const hint = error.hint === undefined ? [] : [error.hint];
  if (error.details?.['engine'] === true) return notObserved(error);
  const aboutIt = error.code === 'UNREACHABLE' || error.code === 'TIMED_OUT' || error.code === 'NOT_READY';
  return aboutIt
    ? verdict.crit(error.message, [...hint, ...server.logs])
    : verdict.unknown(error.message, [...hint, ...server.logs]);
}

/** The servers asked directly and in detail. One that does not answer gives one finding, not eight. */
export function vitalsProbes(context: Context, timeoutMs: number): Probe[] {
  const { readers, platform } = context;
  return servers(context).map((server) => ({
    id: `${server.id}.direct`,
    component: server.id,
    gives: [`${server.id}.*`],
    timeoutMs,
    run: async () => {
      try {
        const seen: Record<string, Verdict> =
          server.part === 'database'
            ? judgeDatabase(await readers.database.vitals(server.name), platform.thresholds)
            : judgeCache(await readers.cache.vitals(server.name), platform.thresholds, server.logs);
        return Object.fromEntries(
          Object.entries(seen).map(([id, one]) => [
            `${server.id}.${id}`,
            { ...one, next: one.next.map(server.asking) },
          ]),
        );
      } catch (thrown) {
        return failure(server, asOpsError(thrown));
      }
    },
  }));
}
