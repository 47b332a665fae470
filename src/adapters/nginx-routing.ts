/**
 * Where nginx sends traffic, as files that it looks for at each request:
 *
 *     generations/<n>/<service>.green            the service is green
 *     generations/<n>/<service>.<colour>-<0…99>  visitors of that bucket get that colour: a canary
 *     generations/<n>/canary                     visitors are given a cookie
 *     generations/<n>/routing.json               the same for opsctl
 *     live -> generations/<n>                    replaced by one rename: all of it changes at once
 *
 * The engine's archive API replaces a path by removing it first, so `live` is never written by it: a link beside it is,
 * and `mv` in the container renames that. Nobody can end an `mv` that was begun and does not come back; but without its
 * link it does nothing, so whoever decides otherwise removes that first.
 */
import { posix } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';

import { asOpsError, OpsError } from '../core/errors.ts';
import { COLOURS, type Route, type Routing } from '../core/ports/load-balancer.ts';
import { colourIn, sameRoute } from '../core/routing.ts';
import { putArchive, readFile, statPath, type NewFile, type PathStat } from './docker/archive.ts';
import { engineTime } from './docker/bare.ts';
import { type DockerClient, named } from './docker/client.ts';
import type { ExecResult } from './docker/exec.ts';

/** Runs a program in a container. */
export type Exec = (id: string, argv: string[]) => Promise<ExecResult>;

/** What the files of an nginx are reached through. */
export interface Reach {
  docker: DockerClient;
  exec: Exec;
  /** What was read, by container and directory. */
  seen: Map<string, Seen>;
}

/** Where an nginx is. */
export interface Place {
  id: string;
  directory: string;
}

/** What is behind a link: while it is the same link, it is that generation, which nobody writes once it is live. */
interface Seen {
  link: PathStat;
  routing: Routing;
}

/** The link that becomes `live`. */
const NEXT = 'live.next';
/** Generations that are kept, for whoever wants to see what was. */
const KEPT = 10;
/** So many before them are removed: of these, programs that were killed after their switch may have left some. */
const REMOVED = 3;
const JSON_LIMIT = 64 * 1024;
const serviceName = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
const schema = z.object({
  generation: z.number().int().positive(),
  live: z.record(z.string(), z.enum(COLOURS)),
  canary: z.object({ services: z.array(z.string()), percent: z.number().int().min(1).max(99) }).optional(),
});
const inspected = z.object({ State: z.object({ Status: z.string() }) });

/**
 * A file costs the engine a process (up to 0.4 s on a slow machine), a look at the link does not: so what is behind it
 * is read once.
 */
export async function readRouting(
  { docker, seen }: Pick<Reach, 'docker' | 'seen'>,
  { id, directory }: Place,
): Promise<Routing | undefined> {
  const link = await statPath(docker, id, `${directory}/live`);
  if (link === undefined) return undefined;
  const key = JSON.stringify([id, directory]);
  const known = seen.get(key);
  if (known !== undefined && isDeepStrictEqual(known.link, link)) return known.routing;
  const [, generation] = /(?:^|\/)generations\/(\d+)$/.exec(link.linkTarget) ?? [];
  const broken = (cause?: unknown): OpsError =>
    new OpsError('BAD_ANSWER', `${directory}/live in container ${id} is not what opsctl wrote`, {
      hint: 'Look at it, and write it anew: opsctl lb setup',
      details: { link: link.linkTarget },
      cause,
    });
  if (generation === undefined) throw broken();
  try {
    const text = await readFile(docker, id, `${directory}/generations/${generation}/routing.json`, JSON_LIMIT);
    const { canary, ...found } = schema.parse(JSON.parse(text));
    const since = new Date(link.mtime).toISOString();
    const routing = { ...found, ...(canary === undefined ? {} : { canary }), since };
    seen.set(key, { link, routing });
    return routing;
  } catch (thrown) {
    if (thrown instanceof OpsError && !['NOT_FOUND', 'REJECTED'].includes(thrown.code)) throw thrown;
    throw broken(thrown);
  }
}

/** The same; undefined also where what is there is not of opsctl. */
export const knownRouting = (reach: Pick<Reach, 'docker' | 'seen'>, place: Place): Promise<Routing | undefined> =>
  readRouting(reach, place).catch((thrown: unknown) => {
    if (thrown instanceof OpsError && thrown.code === 'BAD_ANSWER') return undefined;
    throw thrown;
  });

/** Removes `live` where it says what is so without it. The generation stays: the next one takes its place. */
export async function forgetRouting(reach: Reach, place: Place): Promise<void> {
  const { id, directory } = place;
  const now = await knownRouting(reach, place);
  if (now !== undefined && sameRoute(now, { live: {} })) await run(reach.exec, id, ['rm', '-f', `${directory}/live`]);
}

/** Whether a switch was begun that did not come to its end: the link that it renames is still there. */
export const isPending = async ({ docker }: Pick<Reach, 'docker'>, { id, directory }: Place): Promise<boolean> =>
  (await statPath(docker, id, posix.join(directory, NEXT))) !== undefined;

/** Removes the link of such a switch: it must not happen later. */
export async function withdrawSwitch(reach: Pick<Reach, 'docker' | 'exec'>, place: Place): Promise<void> {
  const { id, directory } = place;
  if (await isPending(reach, place)) await run(reach.exec, id, ['rm', '-f', posix.join(directory, NEXT)]);
}

/** Writes the generation after `before` and makes it live. What a killed program left of it is removed first. */
export async function writeRouting(reach: Reach, place: Place, before: number, route: Route): Promise<void> {
  const { docker, exec } = reach;
  const { id, directory } = place;
  const generation = before + 1;
  const at = (name: string): string => posix.join(directory, name);
  const generationAt = (number: number): string => at(`generations/${number.toString()}`);
  const link = { name: NEXT, linkTarget: `generations/${generation.toString()}`, data: '' };
  const files = filesOf(route, generation).map(({ name, data }) => ({ name: `${link.linkTarget}/${name}`, data }));
  let isRenaming = false;
  try {
    if ((await statPath(docker, id, generationAt(generation))) !== undefined)
      await run(exec, id, ['rm', '-rf', generationAt(generation)]);
    const modifiedAt = await timeWhileRunning(docker, id);
    await putArchive(docker, id, directory, [...files, { ...link, modifiedAt }]);
    isRenaming = true;
    // -T: else `live`, a link to a directory, would be moved into.
    await run(exec, id, ['mv', '-T', at(NEXT), at('live')]);
  } catch (thrown) {
    const { code, details } = asOpsError(thrown);
    // A rename that did not come back may still happen.
    const isOver = !isRenaming || (code === 'REJECTED' && details?.['outcome'] === undefined);
    const error = isOver ? await notSwitched(thrown, reach, place) : thrown;
    // One that was begun before and did not come back may have been quicker, with the same link.
    const now = await knownRouting(reach, place).catch(() => {
      throw thrown;
    });
    if (now === undefined || !sameRoute(now, route)) throw error;
  }
  const old = Array.from({ length: REMOVED }, (_, index) => generation - KEPT - index).filter((one) => one > 0);
  // After the switch, for which visitors wait; that it fails is no failure of the switch.
  if (old.length > 0) await exec(id, ['rm', '-rf', ...old.map(generationAt)]).catch(() => undefined);
}

/**
 * The engine's time, while the container runs. What is written into one that does not could not be renamed, nor taken away
 * again, and nobody would know whether it is renamed later. @throws REJECTED
 */
async function timeWhileRunning(docker: DockerClient, id: string): Promise<Date> {
  const asked = { path: `/containers/${named('container', id)}/json`, thing: `container ${id}` };
  const { headers, body } = await docker.request({ ...asked, asked: `look at container ${id}` });
  const { Status } = inspected.parse(JSON.parse(body.toString('utf8'))).State;
  if (Status === 'running') return new Date(engineTime(headers.date));
  throw new OpsError('REJECTED', `container ${id} is ${Status}, so traffic cannot be switched there`, {
    hint: 'See why, and let it run: opsctl health --detailed',
  });
}

/** The failure of a switch that did nothing: that is certain once its link is gone, which one before that hangs might rename. */
async function notSwitched(thrown: unknown, reach: Reach, place: Place): Promise<OpsError> {
  const error = asOpsError(thrown);
  const isGone = await withdrawSwitch(reach, place).then(
    () => true,
    () => false,
  );
  return isGone ? error.told({ details: { outcome: 'none' } }) : error;
}

function filesOf(route: Route, generation: number): NewFile[] {
  const { live, canary } = route;
  const bad = [...Object.keys(live), ...(canary?.services ?? [])].find((name) => !serviceName.test(name));
  if (bad !== undefined) throw new OpsError('BUG', `a service cannot be called ${JSON.stringify(bad)}`);
  const empty = (name: string): NewFile => ({ name, data: '' });
  const buckets = (canary?.services ?? []).flatMap((service) => {
    const colour = colourIn(route, service) === 'blue' ? 'green' : 'blue';
    return Array.from({ length: canary?.percent ?? 0 }, (_, bucket) =>
      empty(`${service}.${colour}-${bucket.toString()}`),
    );
  });
  return [
    {
      name: 'routing.json',
      data: `${JSON.stringify({ generation, live, ...(canary === undefined ? {} : { canary }) })}\n`,
    },
    ...Object.entries(live).flatMap(([service, colour]) => (colour === 'green' ? [empty(`${service}.green`)] : [])),
    ...buckets,
    ...(canary === undefined ? [] : [empty('canary')]),
  ];
}

/** Runs a program that must succeed. @throws REJECTED */
export async function run(exec: Exec, id: string, argv: string[]): Promise<void> {
  const { exitCode, stderr } = await exec(id, argv);
  if (exitCode === 0) return;
  throw new OpsError('REJECTED', `${argv[0] ?? ''} failed in container ${id} (exit code ${exitCode.toString()})`, {
    hint: 'See what the load balancer lacks: opsctl lb check',
    details: { said: stderr.slice(0, 500) },
  });
}
