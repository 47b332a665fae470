import { isHealthJson, reportedComponent } from '../checks/component.ts';
import type { Context } from '../core/command.ts';
import { duration, plural } from '../core/format.ts';
import type { Service } from '../core/platform.ts';
import { type Verdict, verdict } from '../core/verdict.ts';
import type { Target } from './run.ts';

/** Containers of every service, and its health URL. */
export function serviceTargets(context: Context): Target[] {
  return Object.entries(context.platform.services).flatMap(([key, service]) => [
    containersTarget(context, `services.${key}`, service.service ?? key),
    ...(service.health === undefined ? [] : [healthTarget(context, key, service, service.health)]),
  ]);
}

/** The load balancer's container, whether its configuration loads, and its URL. */
export function balancerTargets(context: Context): Target[] {
  const { platform, readers } = context;
  const balancer = platform.loadBalancer;
  if (balancer === undefined) return [];
  const { service, health } = balancer;
  const targets: Target[] = [];
  if (service !== undefined) {
    targets.push(containersTarget(context, 'loadBalancer', service), {
      target: 'loadBalancer.kind',
      next: [`opsctl logs ${service}`],
      look: async () => {
        const mine = await readers.engine.containers({ project: platform.compose.project });
        const running = mine.find((one) => one.service === service && one.state === 'running');
        if (running === undefined) return verdict.skipped('no container runs that could be asked');
        const { ok, output } = await readers.loadBalancer.checkConfiguration(running.name);
        if (ok) return verdict.ok('nginx, and the configuration inside loads');
        return verdict.crit(`nginx does not accept its configuration: ${output.slice(0, 200)}`, [
          `docker exec ${running.name} nginx -t`,
        ]);
      },
    });
  }
  if (health !== undefined) {
    targets.push({
      target: 'loadBalancer.health',
      next: ['opsctl config show loadBalancer --origin', 'opsctl health --only load-balancer'],
      look: async () => {
        const { status, timings } = await readers.http.get(health, {
          timeoutMs: platform.checks.timeoutMs,
          tls: platform.tls,
        });
        return verdict.ok(`${health} answers ${status.toString()} in ${duration(timings.total)}`);
      },
    });
  }
  return targets;
}

function containersTarget({ platform, readers }: Context, target: string, service: string): Target {
  const next = [`opsctl config show ${target} --origin`, 'opsctl status'];
  return {
    target,
    next,
    look: async () => {
      const all = await readers.engine.containers({ project: platform.compose.project });
      const mine = all.filter((one) => one.service === service);
      const running = mine.filter(({ state }) => state === 'running');
      const [first] = mine;
      if (first === undefined) {
        const names = [...new Set(all.flatMap((one) => one.service ?? []))].toSorted();
        return verdict.crit(`no container of service ${service}; there is: ${names.join(', ') || 'none'}`, next);
      }
      if (running.length === mine.length) return verdict.ok(running.map(({ name }) => name).join(', '));
      const stopped = mine.filter(({ state }) => state !== 'running').map(({ name, state }) => `${name} is ${state}`);
      const reason = `${running.length.toString()} of ${plural(mine.length, 'container')} run; ${stopped.join(', ')}`;
      return running.length > 0
        ? verdict.warn(reason, next)
        : verdict.crit(reason, [`opsctl logs ${service}`, ...next]);
    },
  };
}

function healthTarget({ platform, readers }: Context, key: string, service: Service, url: string): Target {
  return {
    target: `services.${key}.health`,
    next: [`opsctl config show services.${key} --origin`, `opsctl health --only ${key}`],
    look: async () => {
      const { status, body, timings } = await readers.http.get(url, {
        timeoutMs: platform.checks.timeoutMs,
        tls: platform.tls,
      });
      const answered = `${url} answers ${status.toString()} in ${duration(timings.total)}`;
      if (status >= 300 && status < 400)
        return verdict.warn(`${answered}, a redirect, which is not followed`, [`opsctl trace ${url}`]);
      if (status >= 400 && status < 500)
        return verdict.crit(`${answered}: nothing that tells health is there`, [
          `opsctl config show services.${key} --origin`,
        ]);
      if (status >= 500) return verdict.warn(`${answered}: reached, but not well`, [`opsctl health --only ${key}`]);
      return unmapped(answered, key, service, body) ?? verdict.ok(answered);
    },
  };
}

/** A mapping that leads nowhere would let the check fall silent. */
function unmapped(answered: string, key: string, service: Service, body: string): Verdict | undefined {
  const { components } = service;
  const lost = (['database', 'cache'] as const).filter((part) => {
    const path = components?.[part];
    return typeof path === 'string' && reportedComponent(body, part, path) === undefined;
  });
  if (lost.length === 0) return undefined;
  const paths = lost.map((part) => `${part} at ${components?.[part] ?? ''}`).join(', ');
  const what = isHealthJson(body) ? 'its answer has no' : 'its answer is no JSON, so it has no';
  return verdict.warn(`${answered}, but ${what} ${paths}`, [`opsctl config show services.${key}.components --origin`]);
}
