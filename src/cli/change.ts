import type { Plan } from '../core/change.ts';
import type { ChangeCommand, Recovery } from '../core/command.ts';
import { OpsError } from '../core/errors.ts';
import type { Outcome } from '../core/execute.ts';
import { type Holding, holding, isAway } from '../core/holding.ts';
import { mustNotMeetUnfinished, stillUnfinished } from '../core/unfinished.ts';
import { samePlan } from '../core/plan.ts';
import type { HeldLock, LockHolder } from '../core/ports/lock.ts';
import { showable } from '../core/text.ts';
import { actor, carryOut } from './carry-out.ts';
import { failureOf, notObserved } from './change-failure.ts';
import { newId } from './id.ts';
import { acquireFromSilent } from './lock-wait.ts';
import { planText } from './progress.ts';
import { askOnTerminal, confirm, confirmationFor } from './prompt.ts';
import { checked, type Run } from './state.ts';
import { suggestFor } from './suggest.ts';
import { type Terminal, warning } from './terminal.ts';
import { mayGoWithout } from './without-engine.ts';

/**
 * Observe, plan, show, confirm, lock, observe and plan again, compare, execute, report, unlock (design,
 * section 4). Nobody holds the lock while a human thinks, and what was shown is what is executed.
 */
export async function change(run: Run, command: ChangeCommand): Promise<number> {
  const { invocation, terminal, context } = run;
  const { input, change: flags, global } = invocation;
  if (command.needsReason?.(input) === true && flags.reason === undefined && !flags.dryRun) {
    throw new OpsError('USAGE', `${command.name} needs a reason, which is journalled`, {
      hint: `Add: --reason '<why>'`,
    });
  }
  const { plan, away } = await planned(run, command);
  if (flags.dryRun) {
    if (away !== undefined) context.warn(`whether another change runs could not be seen: ${away.message}`);
    run.answer({ plan, dryRun: true }, () =>
      terminal.out.suggest(planText(plan, terminal.out, context.platform.environment)),
    );
    return 0;
  }
  if (plan.steps.length === 0 && command.recovers === undefined)
    return await report(run, command, plan, { outcome: 'done', left: [] });
  if (away !== undefined) mayGoWithout(plan, away, flags.withoutEngine);
  if (!global.quiet && global.json === false)
    terminal.remark(planText(plan, terminal.err, context.platform.environment));
  stopWhenInterrupted(context.signal);
  await confirm(
    confirmationFor(plan, { name: context.platform.environment, protected: context.platform.protected }),
    flags,
    terminal.interactive ? askOnTerminal(context.signal) : undefined,
  );
  stopWhenInterrupted(context.signal);
  const id = newId();
  const lock = command.locks === false ? undefined : await takeIfThere(run, command, { id, plan });
  try {
    if (lock?.takenOverFrom !== undefined) sayTakenOver(terminal, lock.takenOverFrom);
    await compareAgain(run, command, plan, lock);
    stopWhenInterrupted(context.signal);
    const { recovers, settles } = await ends(run, command);
    const outcome = await carryOut(run, command, { id, plan, lock, recovers, settles });
    if (outcome.outcome !== 'done') throw failureOf(outcome, { id, recovers: recovers?.record.id });
    for (const line of outcome.left)
      warning(terminal, recovers?.stays?.includes(line) === true ? line : `not done: ${line}`);
    return await report(run, command, plan, outcome).catch((thrown: unknown) => {
      throw notObserved(thrown, id);
    });
  } finally {
    await lock?.release().catch((thrown: unknown) => {
      warning(terminal, `the lock could not be released: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    });
  }
}

/** The changes in the middle that this one brings to an end. */
async function ends(
  { invocation: { input }, context }: Run,
  command: ChangeCommand,
): Promise<{ recovers: Recovery | undefined; settles: string | undefined }> {
  return { recovers: await command.recovers?.(input, context), settles: await command.settles?.(input, context) };
}

/** While the lock is ours. */
const NOBODY_ELSE: Holding = {};

/**
 * What the command would do now. @throws UNSAFE when a change that was left in the middle has the same in its hands. One
 * that runs has not: it holds the lock, which will say so. `away`: why neither could be seen, but for what this machine knows.
 * @param lock once it is ours, nobody else is asked for
 */
async function planned(
  run: Run,
  command: ChangeCommand,
  lock?: HeldLock,
): Promise<{ plan: Plan } & Pick<Holding, 'away'>> {
  const { invocation, context } = run;
  const { readers } = context;
  const [plan, { changes: unfinished, away }, { holder, ...rest }] = await Promise.all([
    command.plan(invocation.input, context),
    readers.journal.unfinished(),
    lock === undefined ? holding(readers.lock) : NOBODY_ELSE,
  ]);
  const seen = { plan, ...(away === undefined ? {} : { away }), ...rest };
  if (unfinished.length === 0) return seen;
  const [{ recovers, settles }, still] = await Promise.all([ends(run, command), stillUnfinished(unfinished, readers)]);
  const running = holder?.stale === false ? holder.change : undefined;
  mustNotMeetUnfinished(plan, still, { recovers: recovers?.record.id, settles, running });
  return seen;
}

/** Before anything was changed there is nothing to take back. */
function stopWhenInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new OpsError('INTERRUPTED', 'interrupted, nothing was changed');
}

/** The lock; none where the engine does not answer and the change may go on all the same. */
async function takeIfThere(
  run: Run,
  command: ChangeCommand,
  { id, plan }: { id: string; plan: Plan },
): Promise<HeldLock | undefined> {
  try {
    return await take(run, command, id);
  } catch (thrown) {
    if (!isAway(thrown)) throw thrown;
    mayGoWithout(plan, thrown, run.invocation.change.withoutEngine);
    warning(run.terminal, `${thrown.message}: nobody else is kept out of ${plan.target} meanwhile`);
    return undefined;
  }
}

async function take(
  { terminal, ports, context, invocation }: Run,
  command: ChangeCommand,
  id: string,
): Promise<HeldLock> {
  const request = { owner: actor(terminal.env), command: command.name, change: id };
  if (command.recovers === undefined) return await ports.lock.acquire(request);
  const say = (holder: LockHolder): void => {
    const seconds = Math.round(holder.ttlMs / 1000).toString();
    if (!invocation.global.quiet)
      terminal.remark(
        `${showable(holder.owner)} on ${showable(holder.host)} holds the lock; waiting up to ${seconds} s to see whether it still lives\n`,
      );
  };
  return await acquireFromSilent(ports.lock, request, { signal: context.signal, say });
}

function sayTakenOver(terminal: Terminal, from: LockHolder): void {
  warning(
    terminal,
    `took over the stale lock of ${from.owner} on ${from.host}, held since ${from.since}; its change may be left in the middle: opsctl history ${from.change}`,
  );
}

async function compareAgain(run: Run, command: ChangeCommand, shown: Plan, lock: HeldLock | undefined): Promise<void> {
  const { invocation, terminal } = run;
  const { plan: now } = await planned(run, command, lock).catch(async (thrown: unknown) => {
    // Whoever took the lock over meanwhile may be what is in the way.
    await lock?.confirm();
    throw thrown;
  });
  if (samePlan(shown, now)) return;
  if (!invocation.global.quiet && invocation.global.json === false)
    terminal.remark(planText(now, terminal.err, run.context.platform.environment));
  throw new OpsError('PLAN_CHANGED', 'the platform changed after the plan was shown, so nothing was done', {
    hint: 'Look at the plan above and run the command again.',
    // For people it was just printed.
    ...(invocation.global.json === false ? {} : { details: { plan: now } }),
  });
}

/** What came of a change that was done. @returns its exit code; 130 where an interruption left something out */
async function report(run: Run, command: ChangeCommand, plan: Plan, { left, error }: Outcome): Promise<number> {
  const { invocation, terminal, context } = run;
  const seen = checked(command, await command.report(invocation.input, context, plan));
  const data = suggestFor(invocation, terminal.env).data(seen);
  const exit = error?.exit ?? command.exit?.(data, invocation.input) ?? 0;
  run.answer(
    { ok: exit === 0, data, plan, left },
    () => `${command.text(showable(data), terminal.out, invocation.input)}\n`,
  );
  return exit;
}
