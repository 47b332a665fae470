import * as z from 'zod';

import { publishable } from './text.ts';

/** One call of a port, as data: what a step does, can be shown, journalled and carried out anywhere. */
export const callSchema = z.object({ port: z.string(), method: z.string(), args: z.array(z.unknown()) });
export type Call = z.infer<typeof callSchema>;

/** Words in place of an undo (`StepSpec.undo`). */
export const NO_UNDO = ['not needed', 'stays', 'kept', 'too late'] as const;

/** A step of a plan, as data. */
export const stepSchema = z
  .object({
    id: z.string().describe('unique in the plan: <verb>:<thing>'),
    describe: z.string(),
    why: z.string(),
    do: callSchema.optional().describe('absent for a gate, which changes nothing and waits for its verify'),
    undo: z
      .union([callSchema, z.enum(NO_UNDO)])
      .optional()
      .describe(
        'absent: cannot be undone. not needed: an earlier undo covers it, or what stays is of no consequence. stays: nothing takes it back, and doing it again does no harm. kept: what it did is kept, as what a migration did to data, while all else is taken back. too late: once it has begun, the change is finished and never taken back, unless undone sees that it has not happened',
      ),
    undone: callSchema
      .optional()
      .describe(
        'answers true once the step is taken back; of one that is too late for that: while it has not happened',
      ),
    verify: callSchema.optional().describe('answers true once the step is done'),
    explain: callSchema.optional().describe('tells why, when the step was not seen done in time'),
    output: callSchema.optional().describe('asked once the step is done: what it says is kept in the journal'),
    onFailure: z
      .enum(['go on', 'pause'])
      .optional()
      .describe(
        'absent: what was done is taken back. go on: it is reported, nothing else. pause: for a gate that did not settle or was interrupted, everything stays as it is',
      ),
    recheck: z
      .boolean()
      .optional()
      .describe('for a gate: what it saw must still be so when the change is resumed, so it is asked again'),
    interruptible: z
      .boolean()
      .optional()
      .describe('an interruption ends its call where it is, instead of being waited for'),
    timeoutMs: z.number(),
    undoTimeoutMs: z.number().optional().describe('how long the undo may take; absent: as long as the step'),
  })
  .meta({ id: 'Step' });
export type Step = z.infer<typeof stepSchema>;

/** A change before it happens. Two plans are the same when they serialise the same, but for what is `seen` and what was `before`. */
export const planSchema = z
  .object({
    target: z.string().describe('what is changed; to be typed to confirm what cannot be undone'),
    summary: z.string(),
    touches: z.array(z.string()).describe('containers, versions, rows, keys, bytes that will be touched'),
    seen: z
      .array(z.string())
      .optional()
      .describe('what it means at this moment, such as who waits; it may change until the plan is carried out'),
    before: z
      .record(z.string(), z.number())
      .optional()
      .describe('figures of this moment, by which what came of it is judged; they may change as what is seen'),
    steps: z.array(stepSchema),
  })
  .meta({ id: 'Plan' });
export type Plan = z.infer<typeof planSchema>;

const at = z.iso.datetime();
const stepEvent = z.object({ at, step: z.string() });
const failure = { error: z.string() };

/**
 * How a change ended. `paused`: at a gate, with all that was done kept, to be resumed or aborted. `interrupted` is
 * judged by readers: no `end` was written.
 */
export const OUTCOMES = ['done', 'rolled-back', 'partial', 'paused'] as const;

/** What happens during a change, in the order in which it is journalled. */
export const changeEventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('begin'),
    at,
    command: z.string(),
    input: z.record(z.string(), z.unknown()),
    actor: z.string(),
    host: z.string(),
    reason: z.string().optional(),
    plan: planSchema,
    takenOver: z.string().optional().describe('the holder of a stale lock that was taken over'),
    recovers: z.string().optional().describe('the interrupted change that this one resumes or aborts'),
    settles: z.string().optional().describe('the paused change that this one brings to its end in its own way'),
  }),
  stepEvent.extend({ type: z.literal('step-begin') }),
  stepEvent.extend({
    type: z.literal('step-done'),
    durationMs: z.number(),
    output: z.string().optional().describe('what a command of the user said, or a gate went by, cut'),
  }),
  stepEvent.extend({
    type: z.literal('step-failed'),
    ...failure,
    output: z.string().optional().describe('what a command of the user said, cut'),
    noEffect: z
      .boolean()
      .optional()
      .describe('true: it is known that the call did nothing, so the step is still to be done'),
  }),
  stepEvent.extend({
    type: z.literal('step-seen'),
    seen: z.record(z.string(), z.unknown()).describe('what a long wait sees meanwhile; not journalled'),
  }),
  stepEvent.extend({ type: z.literal('undo-begin') }),
  stepEvent.extend({ type: z.literal('undo-done') }),
  stepEvent.extend({ type: z.literal('undo-failed'), ...failure }),
  z.object({
    type: z.literal('end'),
    at,
    outcome: z.enum(OUTCOMES),
    left: z.array(z.string()),
    error: z.string().optional(),
  }),
]);
export type ChangeEvent = z.infer<typeof changeEventSchema>;

/**
 * An event as it may be written down: no secrets. The plan stays as it is: no argument of a step is a secret, and a
 * mask in the name of a container would make another plan of it than the one that is executed.
 */
export function journalled(event: ChangeEvent): ChangeEvent {
  return event.type === 'begin' ? { ...publishable({ ...event }), plan: event.plan } : publishable(event);
}

/** Where each step of a change stands, folded from its events. */
export const STEP_STATES = ['pending', 'running', 'done', 'failed', 'undoing', 'undone', 'left'] as const;
export type StepState = (typeof STEP_STATES)[number];

/** One change as the journal tells it. */
export interface ChangeRecord {
  id: string;
  begin: Extract<ChangeEvent, { type: 'begin' }>;
  /** `error`: how it failed; one that is `pending` all the same did nothing then. */
  steps: { step: Step; state: StepState; error?: string; output?: string }[];
  /** Of a recovery: where steps stand that are not its own but of the change that it recovers, and that it took back. */
  others: Record<string, StepState>;
  /** Absent while it runs, and for ever when its program was killed. */
  end?: Extract<ChangeEvent, { type: 'end' }>;
  /** The later change that resumed or aborted this one to the end; for a recovery that failed, the one that did not. */
  recoveredBy?: string;
  /** The later change that is to settle this one and is not at its end itself: what becomes of both is decided there. */
  supersededBy?: string;
}

/** Whether a change still needs somebody to finish it or take it back. A running one does too, until it ends: its lock protects it. */
export const isUnfinished = (record: ChangeRecord): boolean =>
  record.begin.recovers === undefined &&
  record.recoveredBy === undefined &&
  record.supersededBy === undefined &&
  (record.end === undefined || record.end.outcome === 'partial' || record.end.outcome === 'paused');

/** What the id of a step that takes another back begins with. */
export const UNDO_PREFIX = 'undo.';

const STATE_AFTER: Partial<Record<ChangeEvent['type'], StepState>> = {
  'step-begin': 'running',
  'step-done': 'done',
  'step-failed': 'failed',
  'undo-begin': 'undoing',
  'undo-done': 'undone',
  'undo-failed': 'left',
};

/** What nothing came of is still to be done. Of taking a step back that is no news: the change is being taken back. */
const stateAfter = (event: ChangeEvent): StepState | undefined =>
  event.type === 'step-failed' && event.noEffect === true && !event.step.startsWith(UNDO_PREFIX)
    ? 'pending'
    : STATE_AFTER[event.type];

/** Folds the events of one change; undefined when its beginning is missing. */
export function recordOf(id: string, events: ChangeEvent[]): ChangeRecord | undefined {
  const begin = events.find((event) => event.type === 'begin');
  if (begin === undefined) return undefined;
  const record: ChangeRecord = {
    id,
    begin,
    others: {},
    steps: begin.plan.steps.map((step) => ({ step, state: 'pending' })),
  };
  for (const event of events) {
    if (event.type === 'end') record.end = event;
    if (!('step' in event)) continue;
    const entry = record.steps.find(({ step }) => step.id === event.step);
    const state = stateAfter(event);
    if (state === undefined) continue;
    if (entry === undefined) {
      record.others[event.step] = state;
      continue;
    }
    entry.state = state;
    if ('error' in event) entry.error = event.error;
    if ('output' in event && event.output !== undefined) entry.output = event.output;
  }
  return record;
}

const AFTER_UNDO: Partial<Record<StepState, StepState>> = { running: 'undoing', done: 'undone', failed: 'left' };

/**
 * Puts recoveries and what they recover together: the steps of a change stand where its recoveries left them, and
 * only a recovery that finished it or took it back counts as one. Expects all recoveries of a change among the records.
 */
export function connected(records: readonly ChangeRecord[]): ChangeRecord[] {
  const recoveriesOf = (id: string): ChangeRecord[] =>
    records.filter(({ begin }) => begin.recovers === id).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const stand = records.map((record) => ({
    ...record,
    steps: recoveriesOf(record.id).reduce(stepsAfter, record.steps),
  }));
  const ended = stand.map((record) => {
    const by =
      record.begin.recovers !== undefined && hasSettled(record)
        ? undefined
        : endedBy(record.begin.recovers ?? record.id, stand);
    return { ...record, ...(by === undefined ? {} : { recoveredBy: by.id }) };
  });
  return ended.map((record) => {
    const by = isUnfinished(record) ? supersederOf(record.id, ended) : undefined;
    return { ...record, ...(by === undefined ? {} : { supersededBy: by }) };
  });
}

/** The last of those that were to settle a change, or each other, and are not at their end. */
function supersederOf(id: string, records: readonly ChangeRecord[]): string | undefined {
  // Only what is later: what a journal, text from outside, says to lead back to where it began is not followed.
  const by = records.find((one) => one.begin.settles === id && one.id > id && isUnfinished(one));
  return by && (supersederOf(by.id, records) ?? by.id);
}

/** Whether a recovery left nothing in the middle: it came to its end, or it failed and took everything back, its forerunner's steps too. */
const hasSettled = ({ end }: ChangeRecord): boolean => end?.outcome === 'done' || end?.outcome === 'rolled-back';

/** Whether a recovery was made to take its change back, or to close it, even where nothing had been done yet. */
const hasTakenBack = ({ begin }: ChangeRecord): boolean => /(?:^| )abort$/.test(begin.command);

/**
 * The change that brought another to its end. One that was to settle it and was paused itself counts once it came to
 * its end, unless it was taken back: then the first one is what is left again.
 */
function endedBy(id: string, records: readonly ChangeRecord[]): ChangeRecord | undefined {
  const later = records
    .filter(({ begin }) => begin.recovers === id || begin.settles === id)
    .toSorted((a, b) => (a.id < b.id ? 1 : -1));
  // A journal is text from outside: what leads back to where it began is not followed.
  const others = records.filter((one) => one.id !== id);
  for (const one of later) {
    if (one.end?.outcome === 'done' || (one.begin.recovers === id && hasSettled(one))) return one;
    const by = one.begin.settles === id ? endedBy(one.id, others) : undefined;
    if (by?.end?.outcome === 'done' && !hasTakenBack(by)) return by;
  }
  return undefined;
}

function stepsAfter(steps: ChangeRecord['steps'], recovery: ChangeRecord): ChangeRecord['steps'] {
  const stateIn = (id: string): StepState =>
    recovery.steps.find(({ step }) => step.id === id)?.state ?? recovery.others[id] ?? 'pending';
  return steps.map((entry) => {
    const again = stateIn(entry.step.id);
    const state = AFTER_UNDO[stateIn(`${UNDO_PREFIX}${entry.step.id}`)] ?? (again === 'pending' ? entry.state : again);
    return { ...entry, state };
  });
}
