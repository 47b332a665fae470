/** Changes that were left in the middle: how they are ended, and what must not be changed meanwhile. */
import { type Call, type ChangeRecord, isUnfinished, type Plan } from './change.ts';
import { OpsError } from './errors.ts';
import { isTooLate, perform } from './plan.ts';
import type { Readers } from './ports.ts';

/**
 * Ports whose things are not containers: a database and a cache may be called alike, and what a load balancer is told is on
 * its volume, whether its container runs or not. So a load balancer that is down can be started whatever is unfinished.
 */
const OF_PORTS: Readonly<Record<string, string>> = { cache: 'cache', database: 'database', lb: 'load balancer' };

/**
 * What a step acts on: an id is `<port>.<verb>:<thing>`, and perhaps `:<which of several>`. All that has a name is a
 * container, whichever port changes it, but for the things of `OF_PORTS`.
 */
function thingOf(id: string): string | undefined {
  const [call = '', thing] = id.split(':');
  const kind = OF_PORTS[call.split('.')[0] ?? ''];
  return thing === undefined || kind === undefined ? thing : `${kind} ${thing}`;
}

/** What a plan changes. What may be done at any time without harm, such as a reload, is left out. */
const things = ({ steps }: Plan): Set<string> =>
  new Set(
    steps.flatMap(({ id, do: call, undo }) => {
      const thing = thingOf(id);
      return call === undefined || undo === 'stays' || thing === undefined ? [] : [thing];
    }),
  );

/** What both plans change. */
export function commonThings(a: Plan, b: Plan): string[] {
  const others = things(b);
  return [...things(a)].filter((thing) => others.has(thing));
}

/**
 * Whether steps with these ids would meet a change that was left in the middle, and so be refused.
 * @param ids as plans have them, such as `engine.start:shop_nginx_1`
 */
export const wouldMeet = (ids: readonly string[], unfinished: readonly ChangeRecord[]): boolean =>
  unfinished.some(({ begin: { plan } }) => {
    const held = things(plan);
    return ids.some((id) => held.has(thingOf(id) ?? ''));
  });

/**
 * The commands that bring a change which was left in the middle to an end: one that was being taken back is taken back, one
 * that has gone too far is finished, one that is both can only be closed. Of a step that was only begun, the platform tells
 * whether it has happened: expects the change as it is seen (`asSeen`).
 */
export function waysOut({ id, begin, steps }: ChangeRecord): string[] {
  const change = begin.recovers ?? id;
  const takenBack = steps.some(({ state }) => state === 'undoing' || state === 'undone' || state === 'left');
  const tooLate = steps.some(({ step, state }) => isTooLate(step) && state !== 'pending' && state !== 'undone');
  if (takenBack && tooLate) return [closing(change)];
  return [...(takenBack ? [] : [`opsctl resume ${change}`]), ...(tooLate ? [] : [`opsctl abort ${change}`])];
}

/**
 * A change as the platform shows it: whether a step that was only begun, and after which it is too late, has happened.
 * What cannot be seen is left open.
 */
export async function asSeen(record: ChangeRecord, readers: Readers): Promise<ChangeRecord> {
  const isSeen = async (call: Call | undefined): Promise<boolean> =>
    call !== undefined && (await perform(call, readers, 'ask').catch(() => false)) === true;
  const steps = record.steps.map(async (entry) => {
    const { step, state } = entry;
    if (!isTooLate(step) || (state !== 'running' && state !== 'failed')) return entry;
    if (await isSeen(step.verify)) return { ...entry, state: 'done' as const };
    return (await isSeen(step.undone)) ? { ...entry, state: 'pending' as const } : entry;
  });
  return { ...record, steps: await Promise.all(steps) };
}

/**
 * Of changes that were unfinished when they were read, those that are so still, as the platform shows them: one that ran then
 * has ended when its lock is free now.
 */
export async function stillUnfinished(changes: readonly ChangeRecord[], readers: Readers): Promise<ChangeRecord[]> {
  const again = await Promise.all(changes.map(({ id }) => readers.journal.change(id)));
  return await Promise.all(
    again.flatMap((one) => (one !== undefined && isUnfinished(one) ? [asSeen(one, readers)] : [])),
  );
}

/** The command that closes a change in the journal, whatever is left of it. */
export const closing = (id: string): string => `opsctl abort ${id} --abandon --reason '<why>'`;

/** Changes that one may be about: those that it brings to an end, and the one that runs. */
export interface Allowed {
  recovers?: string | undefined;
  settles?: string | undefined;
  running?: string | undefined;
}

/**
 * Whoever changes what an unfinished change has in its hands makes its own recovery wrong.
 * @throws UNSAFE naming the unfinished change that has something in common with a plan
 */
export function mustNotMeetUnfinished(plan: Plan, unfinished: readonly ChangeRecord[], allowed: Allowed): void {
  const exempt = [allowed.recovers, allowed.settles, allowed.running];
  const met = unfinished.find((one) => !exempt.includes(one.id) && commonThings(plan, one.begin.plan).length > 0);
  if (met === undefined) return;
  const { id, begin, end } = met;
  throw new OpsError(
    'UNSAFE',
    `change ${id} (${begin.command} by ${begin.actor}) ${end?.outcome === 'paused' ? 'is paused' : 'was left in the middle'}, and this one touches the same: ${commonThings(plan, begin.plan).slice(0, 3).join(', ')}`,
    {
      hint: `End it first: ${waysOut(met).join(', or ')}; or close it as it is: ${closing(id)}`,
      details: { unfinished: id },
    },
  );
}
