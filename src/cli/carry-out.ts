import os from 'node:os';

import { type ChangeEvent, connected, type Plan, recordOf } from '../core/change.ts';
import type { ChangeCommand, Recovery } from '../core/command.ts';
import { OpsError } from '../core/errors.ts';
import { execute, type Execution, type Outcome, whenInterrupted } from '../core/execute.ts';
import { publishable } from '../core/text.ts';
import { waysOut } from '../core/unfinished.ts';
import type { HeldLock } from '../core/ports/lock.ts';
import { openProgress } from './progress.ts';
import { errorData, eventSchemaOf, jsonText, schemaOf } from './render.ts';
import type { Run } from './state.ts';
import { suggestFor } from './suggest.ts';
import { warning } from './terminal.ts';

/** A confirmed change about to happen. */
export interface Confirmed {
  id: string;
  plan: Plan;
  lock: HeldLock | undefined;
  /** The interrupted change that this one recovers. */
  recovers: Recovery | undefined;
  /** The paused change that this one ends. */
  settles: string | undefined;
}

/** What is said at the first Ctrl-C. */
const STOPPING: Record<ReturnType<typeof whenInterrupted>, string> = {
  'take back': 'stopping before the next step and taking back what was done',
  'break off': 'stopping where it is',
  pause: 'stopping; what was done stays, to be resumed',
  leave: 'stopping before the next step; what was done stays',
  end: 'stopping before the next step; the change itself is done, and what would follow is left out',
};

/** Writes the beginning of a change into the journal, then executes it; what happens goes to journal, progress and NDJSON. */
export async function carryOut(
  run: Run,
  command: ChangeCommand,
  { id, plan, lock, recovers, settles }: Confirmed,
): Promise<Outcome> {
  const { invocation, terminal, context, ports, interruption } = run;
  const { global } = invocation;
  const former = lock?.takenOverFrom;
  const begin: ChangeEvent = {
    type: 'begin',
    at: context.now().toISOString(),
    command: command.name,
    input: invocation.input,
    actor: actor(terminal.env),
    host: os.hostname(),
    ...(invocation.change.reason === undefined ? {} : { reason: invocation.change.reason }),
    plan,
    ...(former === undefined
      ? {}
      : { takenOver: `${former.owner} on ${former.host}, ${former.command}, since ${former.since}` }),
    ...(recovers === undefined ? {} : { recovers: recovers.record.id }),
    ...(settles === undefined ? {} : { settles }),
  };
  await ports.journal.append(id, begin);
  const there = await journalThere(run);
  const written: ChangeEvent[] = [begin];
  const recovery: Pick<Execution, 'onFailure' | 'carriedOver' | 'stays'> = {
    // Taking back is never taken back itself.
    onFailure: recovers === undefined || recovers.done !== undefined ? 'take back' : 'leave',
    carriedOver: recovers?.done ?? [],
    stays: recovers?.stays ?? [],
  };
  interruption.outliveOutput();
  const sayWhenInterrupted = (first: string): void => {
    interruption.say(`\n${first}; press again to leave at once\n`, () => {
      const ways = waysOutOf(id, written, recovers).join(', or ');
      terminal.remark(`\nleft at once. What was done is in the journal: opsctl history ${id}\nThen: ${ways}\n`);
      const error = suggestFor(invocation, terminal.env).error(
        new OpsError('INTERRUPTED', 'left at once in the middle of the change', {
          hint: `Bring it to its end: ${ways}`,
          details: { change: id },
        }),
      );
      if (global.json !== false && !global.quiet)
        terminal.result(
          jsonText({
            schema: schemaOf(command.name),
            ok: false,
            environment: context.platform.environment,
            error: errorData(error),
          }),
        );
    });
  };
  sayWhenInterrupted(STOPPING[whenInterrupted(plan, undefined, recovery)]);
  const progress = await openProgress(terminal, plan, global.quiet || global.json !== false);
  const listen = (event: ChangeEvent): void => {
    progress.on(event);
    if (event.type === 'step-begin') sayWhenInterrupted(STOPPING[whenInterrupted(plan, event.step, recovery)]);
    if (event.type === 'undo-begin') sayWhenInterrupted('taking back what was done, to the end');
    if (global.json === 'stream')
      terminal.result(jsonText({ schema: eventSchemaOf(command.name), change: id, ...event }));
  };
  try {
    const outcome = await execute(plan, {
      writers: ports.writers,
      journal: async (...events) => {
        written.push(...events);
        await ports.journal.append(id, ...events);
      },
      listen,
      seen: (step, seen) => {
        listen({ type: 'step-seen', at: context.now().toISOString(), step: step.id, seen: publishable({ ...seen }) });
      },
      confirmLock: async () => {
        await lock?.confirm();
      },
      signal: context.signal,
      ...recovery,
      now: () => context.now(),
    });
    // Whatever the outcome: had only the end missed the engine, others would take the change for one left in the middle.
    if (there) await journalThere(run).catch(() => undefined);
    return outcome;
  } finally {
    progress.stop();
  }
}

/** The commands that end what is left in the middle once no more is written, of the change itself or of what it recovers. */
function waysOutOf(id: string, written: ChangeEvent[], recovers: Recovery | undefined): string[] {
  const own = recordOf(id, written);
  const [open] = connected([recovers?.record, own].filter((record) => record !== undefined));
  return open === undefined ? [] : waysOut(open);
}

/** Whether the journal is where other machines see it; when it is not, says where it is. */
async function journalThere({ ports, terminal }: Run): Promise<boolean> {
  const { where, shared } = await ports.journal.location();
  if (!shared) warning(terminal, `the journal is kept in ${where}, where other machines do not see it`);
  return shared;
}

/** Who makes the change, for lock and journal: OPSCTL_ACTOR, or the user, as sudo's caller where there is one. */
export function actor(env: Record<string, string | undefined>): string {
  const given = env['OPSCTL_ACTOR'] ?? env['SUDO_USER'];
  if (given !== undefined && given !== '') return given;
  try {
    return os.userInfo().username;
  } catch {
    // A user id without a name, as CI runs containers.
    return `uid ${process.getuid?.().toString() ?? 'unknown'}`;
  }
}
