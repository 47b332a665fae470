import { isHealthJson, type Reported, reportedComponent } from '../checks/component.ts';
import { isOneOff, serviceOf } from '../core/containers.ts';
import { container as judgeContainer } from '../checks/container.ts';
import { certificateTrouble, httpService } from '../checks/http-service.ts';
import type { Context } from '../core/command.ts';
import { asOpsError, type OpsError } from '../core/errors.ts';
import { duration } from '../core/format.ts';
import type { Service } from '../core/platform.ts';
import type { HttpAnswer } from '../core/ports/http.ts';
import { type Verdict, verdict } from '../core/verdict.ts';
import type { Place } from './engine.ts';
import { once } from '../core/once.ts';
import type { Probe } from './probe.ts';

/** What one look at a URL gave. */
export type Look = { answer: HttpAnswer } | { error: OpsError };

/** One look at each URL, shared by all checks that need it. */
export interface Looks {
  service(key: string): Promise<Look>;
  loadBalancer(): Promise<Look>;
}

/** What services are judged by. */
export interface Seen {
  looks: Looks;
  place: Place;
}

/** Prepares the looks; nothing is asked before somebody needs it. */
export function prepareLooks(context: Context, timeoutMs: number): Looks {
  const { platform, readers } = context;
  const look = async (url: string): Promise<Look> => {
    try {
      return {
        answer: await readers.http.get(url, {
          timeoutMs: Math.max(500, timeoutMs - 250),
          tls: platform.tls,
        }),
      };
    } catch (thrown) {
      return { error: asOpsError(thrown) };
    }
  };
  const byUrl = new Map<string, () => Promise<Look>>();
  const shared = (url: string): Promise<Look> => {
    const existing = byUrl.get(url) ?? once(() => look(url));
    byUrl.set(url, existing);
    return existing();
  };
  return {
    service: (key) => shared(platform.services[key]?.health ?? ''),
    loadBalancer: () => shared(platform.loadBalancer?.health ?? ''),
  };
}

/** A check for each service; those without a URL are judged by their containers. */
export function serviceProbes(context: Context, seen: Seen, timeoutMs: number): Probe[] {
  return Object.entries(context.platform.services).map(([key, service]) => ({
    id: key,
    component: key,
    timeoutMs,
    run: () =>
      service.health === undefined
        ? byContainers(context, seen.place, key, service)
        : byUrl(context, seen, key, service),
  }));
}

/** The load balancer answers when anything at all comes back: an answer such as 502 is its own. */
export function loadBalancerProbe(context: Context, looks: Looks, timeoutMs: number): Probe[] {
  const balancer = context.platform.loadBalancer;
  if (balancer?.health === undefined) return [];
  const next = [
    'opsctl status',
    ...(balancer.service === undefined
      ? []
      : [`opsctl logs ${balancer.service} --tail 50`, `opsctl service restart ${balancer.service} --dry-run`]),
  ];
  return [
    {
      id: 'load-balancer',
      component: 'load-balancer',
      timeoutMs,
      run: async () => {
        const look = await looks.loadBalancer();
        if ('error' in look) {
          const hint = look.error.hint === undefined ? [] : [look.error.hint];
          // It answers, with a certificate: one that everybody refuses shuts everybody out.
          return certificateTrouble(look.error) === 'perhaps only us'
            ? verdict.unknown(look.error.message, hint)
            : verdict.crit(look.error.message, [...hint, ...next]);
        }
        const { status, timings } = look.answer;
        const measured = { value: Math.round(timings.total), unit: 'ms' };
        if (status >= 500 && status !== 502 && status !== 503 && status !== 504)
          return verdict.crit(`answers ${status.toString()} by itself`, next, measured);
        return verdict.ok(`answers ${status.toString()} in ${duration(timings.total)}`, measured);
      },
    },
  ];
}

async function byUrl(context: Context, seen: Seen, key: string, service: Service): Promise<Verdict> {
  const { looks, place } = seen;
  const look = await looks.service(key);
  if ('answer' in look) {
    const { database, cache } = componentsOf(look.answer.body, service);
    const down = [database?.state === 'down' ? 'database' : '', cache?.state === 'down' ? 'redis' : ''].filter(
      (name) => name !== '',
    );
    return httpService({
      name: key,
      answer: look.answer,
      componentsDown: down,
      limits: context.platform.thresholds.responseMs,
    });
  }
  const failed = verdict.crit(look.error.message, [`opsctl status ${key}`, `opsctl logs ${key} --tail 50`]);
  const certificate = certificateTrouble(look.error);
  const behind = context.platform.loadBalancer?.health !== undefined;
  if (certificate === undefined) {
    if (!behind || 'answer' in (await looks.loadBalancer())) return failed;
    return unasked(context, place, key, service, 'the load balancer does not answer', 'load-balancer');
  }
  // The certificate is shown by the load balancer where there is one, and is told there.
  if (!behind && certificate === 'everybody') return failed;
  return unasked(context, place, key, service, look.error.message, 'certificates');
}

/** A service that cannot be asked for a reason that is not its own: its containers tell the most that is known. */
async function unasked(
  context: Context,
  place: Place,
  key: string,
  service: Service,
  why: string,
  cause: 'load-balancer' | 'certificates',
): Promise<Verdict> {
  const inside = await byContainers(context, place, key, service).catch(() => undefined);
  if (inside?.status === 'crit') return inside;
  return verdict.unknown(`cannot be asked: ${why}${inside === undefined ? '' : `; its container: ${inside.reason}`}`, [
    `opsctl health --detailed --only ${cause}`,
  ]);
}

async function byContainers(context: Context, place: Place, key: string, service: Service): Promise<Verdict> {
  const name = service.service ?? key;
  const { engine } = context.readers;
  const live = await place.live();
  // Those that visitors are not sent to say nothing of the service, however well they are.
  const mine = (await place.containers()).filter(
    (one) => serviceOf(one) === name && !isOneOff(one) && live.has(one) !== false,
  );
  if (mine.length === 0) {
    const colour = live.colour(name);
    return colour === undefined
      ? verdict.crit(`no container of service ${name} exists`, ['opsctl status'])
      : verdict.crit(`visitors are sent to ${colour}, in which service ${name} has no container`, [
          'opsctl deploy status',
        ]);
  }
  const details = await Promise.all(mine.map((one) => engine.container(one.id)));
  const seen = details.map((detail) =>
    judgeContainer(detail, undefined, context.platform.thresholds, context.now().getTime(), true),
  );
  const serving = seen.filter(({ status }) => status === 'ok').length;
  if (serving === seen.length)
    return verdict.ok(seen.length === 1 ? (seen[0]?.reason ?? '') : `all ${seen.length.toString()} containers run`);
  const worst = seen.find(({ status }) => status !== 'ok');
  return {
    ...(worst ?? verdict.unknown('', [])),
    status: serving > 0 ? 'warn' : (worst?.status ?? 'crit'),
    reason: `${serving.toString()} of ${seen.length.toString()} containers serve; one ${worst?.reason ?? ''}`,
  };
}

/** What a health answer reports of the two parts that it may know. */
export function componentsOf(body: string, service: Service): { database: Reported; cache: Reported; json: boolean } {
  return {
    database: reportedComponent(body, 'database', service.components?.database),
    cache: reportedComponent(body, 'cache', service.components?.cache),
    json: isHealthJson(body),
  };
}
