import { bytes, duration, percent, plural } from '../core/format.ts';
import type { ContainerDetail, QuickUsage } from '../core/ports/engine.ts';
import type { Thresholds } from '../core/thresholds.ts';
import { against, type Verdict, verdict } from '../core/verdict.ts';

/** Restarts count only while the container is young: an old one has shown that it can stay up. */
const YOUNG_MS = 3_600_000;

/**
 * One container: does it run, is it healthy, does it restart, is its memory near the limit?
 * @param meantToRun the configuration names it: it must not end, however well (`isMeantToRun`)
 */
export function container(
  detail: ContainerDetail,
  usage: QuickUsage | undefined,
  limits: Thresholds,
  nowMs: number,
  meantToRun: boolean,
): Verdict {
  const { name } = detail;
  // By service where it has one, as the other checks call it: equal commands are shown once.
  const who = detail.service ?? name;
  const logs = `opsctl logs ${who} --tail 50`;
  const restart = detail.service === undefined ? [] : [`opsctl service restart ${detail.service} --dry-run`];
  const oom = detail.oomKilled || (usage?.oomKills ?? 0) > 0;
  if (detail.state === 'exited' || detail.state === 'dead' || detail.state === 'created') {
    if (detail.state === 'exited' && detail.exitCode === 0 && !meantToRun && isOneShot(detail))
      return verdict.ok('finished with exit code 0, as a one-shot container does');
    if (detail.state === 'created' && !meantToRun) return verdict.warn('was created and never started', [logs]);
    const cause = detail.oomKilled ? ', killed for memory' : '';
    return verdict.crit(`is ${detail.state} (exit code ${detail.exitCode.toString()}${cause})`, [logs, ...restart]);
  }
  if (detail.state === 'removing') return verdict.warn('is being removed', ['opsctl status']);
  if (detail.state === 'paused')
    return verdict.crit('is paused: its processes are frozen', [`docker unpause ${name}`, ...restart]);
  if (detail.state === 'restarting') {
    return verdict.crit(
      `restarts again and again (${plural(detail.restartCount, 'restart')}, last exit code ${detail.exitCode.toString()}${oom ? ', killed for memory' : ''})`,
      [logs, 'opsctl history'],
    );
  }
  if (isCutOff(detail))
    return verdict.crit(`is on no network: nothing can reach it (it belongs on ${detail.networkMode ?? ''})`, [
      detail.service === undefined
        ? `docker network connect ${detail.networkMode ?? ''} ${name}`
        : // Made anew, it gets its address, its ports and all its names in the network again.
          `docker-compose up -d --no-deps --force-recreate ${detail.service}`,
      'opsctl network',
    ]);
  if (detail.health === 'unhealthy') {
    const [last] = detail.healthLog;
    return verdict.crit(
      `is unhealthy: ${last === undefined ? 'its health check fails' : firstLine(last.output) || `exit code ${last.exitCode.toString()}`}`,
      [logs],
    );
  }
  const upMs = nowMs - Date.parse(detail.startedAt ?? detail.createdAt);
  if (oom) return outOfMemory(detail, usage, upMs, [`opsctl stats ${who} --memory`, logs]);
  if (upMs < YOUNG_MS && detail.restartCount > 0) {
    const { status, threshold } = against(detail.restartCount, limits.containerRestarts);
    if (status !== 'ok') {
      return {
        status,
        reason: `restarted ${plural(detail.restartCount, 'time')}, up only ${duration(upMs)}`,
        value: detail.restartCount,
        unit: 'restarts',
        threshold,
        next: [logs],
      };
    }
  }
  if (detail.health === 'starting') return verdict.warn(`is starting, up ${duration(upMs)}`, [logs]);
  return memory(detail, usage, limits, upMs);
}

/**
 * The kernel killed for memory. The engine keeps its mark on a container that it started again; the kernel counts
 * since the start, also kills of processes beside the main one. Neither says when: what a container has survived
 * for an hour is told as a warning, so that a kill of last week does not stay red.
 */
function outOfMemory(detail: ContainerDetail, usage: QuickUsage | undefined, upMs: number, next: string[]): Verdict {
  const limit = detail.memoryLimit === undefined ? 'no limit of its own' : `limit ${bytes(detail.memoryLimit)}`;
  const kills = usage?.oomKills ?? 0;
  const what =
    kills > 0
      ? `${plural(kills, 'process', 'processes')} of it ${kills === 1 ? 'was' : 'were'} killed for want of memory`
      : `was killed for want of memory and started again (${plural(detail.restartCount, 'restart')})`;
  const make = upMs < YOUNG_MS ? verdict.crit : verdict.warn;
  return make(`${what}; ${limit}, up ${duration(upMs)}`, next, kills > 0 ? { value: kills, unit: 'kills' } : {});
}

function memory(detail: ContainerDetail, usage: QuickUsage | undefined, limits: Thresholds, upMs: number): Verdict {
  const restarts = upMs < YOUNG_MS && detail.restartCount > 0 ? ` after ${plural(detail.restartCount, 'restart')}` : '';
  const up = `up ${duration(upMs)}${restarts}${detail.health === 'healthy' ? ', healthy' : ''}`;
  if (usage === undefined) return verdict.ok(up);
  const cpu = usage.cpus === undefined ? 'CPU not measured' : `${usage.cpus.toFixed(2)} CPU`;
  const limit = detail.memoryLimit ?? usage.memoryLimit;
  if (limit === undefined)
    return verdict.ok(`${up}, ${cpu}, ${bytes(usage.memory)}`, { value: usage.memory, unit: 'bytes' });
  const share = usage.memory / limit;
  const { status, threshold } = against(share, limits.containerMemory);
  const text = `${bytes(usage.memory)} of ${bytes(limit)}`;
  const measured = { value: usage.memory, unit: 'bytes', threshold: Math.round(threshold * limit) };
  if (status === 'ok') return verdict.ok(`${up}, ${cpu}, ${text}`, measured);
  return {
    status,
    reason: `memory is near its limit: ${text} (${percent(share)})`,
    ...measured,
    next: [`opsctl stats ${detail.service ?? detail.name} --memory`],
  };
}

/** On no network at all though it was created to be on one: cut off, its health checks inside may still pass. */
const isCutOff = ({ networks, networkMode }: ContainerDetail): boolean =>
  networks.length === 0 && networkMode !== undefined && !/^(?:none|host|container:.*)?$/.test(networkMode);

/** A container that is meant to end: nothing would start it again. */
const isOneShot = (detail: ContainerDetail): boolean =>
  detail.restartPolicy === '' || detail.restartPolicy === 'no' || detail.restartPolicy === 'on-failure';

const firstLine = (text: string): string => text.trim().split('\n')[0]?.slice(0, 120) ?? '';
