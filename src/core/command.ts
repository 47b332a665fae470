import type * as z from 'zod';

import type { ChangeRecord, Plan, Step } from './change.ts';
import type { ExitCode } from './errors.ts';
import type { Platform } from './platform.ts';
import type { Readers } from './ports.ts';
import type { Style } from './style.ts';

/**
 * What the command line needs to know of an input field beside its type; put with `.meta({ … })`.
 * The description comes from `.describe()` or from here.
 */
export interface FieldMeta {
  description?: string;
  /** Taken by position, in the order of the fields; an array field takes the rest. */
  positional?: boolean;
  /** One letter. */
  short?: string;
  /** Placeholder in help, such as `seconds`. */
  value?: string;
  /** What completion offers. */
  completes?: 'service' | 'container' | 'network' | 'volume' | 'link' | 'check' | 'change' | 'url';
}

declare module 'zod' {
  interface GlobalMeta {
    positional?: boolean;
    short?: string;
    value?: string;
    completes?: FieldMeta['completes'];
  }
}

/** One flat object of flags and positional arguments. No transforms: what is parsed is what was typed. */
export type Input = z.ZodObject;

/** What a command is run with. */
export interface Context {
  platform: Platform;
  readers: Readers;
  /** Aborted at Ctrl-C, SIGTERM, and at the overall deadline. */
  signal: AbortSignal;
  now(): Date;
  /** Says something on stderr beside the result: a fallback used, a part left out. */
  warn(message: string): void;
}

interface Declared<I extends Input, O extends z.ZodType> {
  /** As typed: `health`, `lb reload`. */
  name: string;
  summary: string;
  /** Longer text for help. */
  description?: string;
  /** What must be there before it runs. Default `platform`: an engine and a configured environment. */
  needs?: 'platform' | 'engine' | 'nothing';
  examples: { command: string; explains: string }[];
  input: I;
  /** Data of `--json`; published as a JSON Schema. */
  output: O;
  /** The flags that such an input has no use for, and what it does instead of heeding them. */
  idle?(input: z.output<I>): Idle | undefined;
  /** The only rendering for people. Pure. */
  text(data: z.output<O>, style: Style, input: z.output<I>): string;
  /** Exit code of a result that was obtained. Default 0. */
  exit?(data: z.output<O>, input: z.output<I>): ExitCode;
}

/** Flags without an effect, which are refused: who types one expects that it does something. */
export interface Idle {
  /** Of the input. */
  fields: readonly string[];
  /** What the command does then, such as `--rollback ends the canary that runs`. */
  why: string;
  /** The sentence with the command to run. */
  hint: string;
}

/** A command that goes on until it is interrupted, for some of its inputs. */
export interface Streaming<I extends Input, E extends z.ZodType> {
  /** Whether this input asks for the stream instead of one answer. */
  when(input: z.output<I>): boolean;
  event: E;
  run(input: z.output<I>, context: Context): AsyncIterable<z.output<E>>;
  /** One event as text; an empty string prints nothing. */
  line(event: z.output<E>, style: Style, input: z.output<I>): string;
  /** On a terminal, drawn over the one before. Where absent, lines are printed there too. */
  screen?(event: z.output<E>, style: Style, input: z.output<I>): string;
}

/** A command that only looks. */
export interface ReadCommand<
  I extends Input = Input,
  O extends z.ZodType = z.ZodType,
  E extends z.ZodType = z.ZodType,
> extends Declared<I, O> {
  kind: 'read';
  run(input: z.output<I>, context: Context): Promise<z.output<O>>;
  stream?: Streaming<I, E>;
  /** Another plain format that an input asks for, instead of `text`. */
  format?(data: z.output<O>, input: z.output<I>): string | undefined;
}

/** How a change that was left in the middle is brought to its end. */
export interface Recovery {
  /** What the journal tells of it; unless it is only closed, with what the platform shows. */
  record: ChangeRecord;
  /** Where it is finished: what was done of it, or may have been, which is taken back with the rest when finishing fails. */
  done?: readonly Step[];
  /** Where it is taken back: what of it is left all the same, a line each. */
  stays?: readonly string[];
}

/** A command that changes the platform. `plan` and `report` can only look; writers exist only inside steps. */
export interface ChangeCommand<I extends Input = Input, O extends z.ZodType = z.ZodType> extends Declared<I, O> {
  kind: 'change';
  plan(input: z.output<I>, context: Context): Promise<Plan>;
  /** What is so now that the change is done: observed, not assumed. Of the plan it knows what was `before`. */
  report(input: z.output<I>, context: Context, plan: Pick<Plan, 'before'>): Promise<z.output<O>>;
  /** False only for the command that breaks the lock. */
  locks?: boolean;
  /** Whether `--reason` must be given, because others will ask. */
  needsReason?(input: z.output<I>): boolean;
  /** The interrupted change that this one recovers; such a change is journalled even when nothing is left to do. */
  recovers?(input: z.output<I>, context: Context): Promise<Recovery>;
  /** The paused change, if there is one, that this one brings to its end in its own way. */
  settles?(input: z.output<I>, context: Context): Promise<string | undefined>;
}

export type Command = ReadCommand | ChangeCommand;

/** Declares a command that only looks. */
export function readCommand<I extends Input, O extends z.ZodType, E extends z.ZodType = z.ZodNever>(
  spec: Omit<ReadCommand<I, O, E>, 'kind'>,
): ReadCommand {
  return { ...spec, kind: 'read' } as unknown as ReadCommand;
}

/** Declares a command that changes the platform; `--dry-run`, `--yes` and `--confirm` come with it. */
export function changeCommand<I extends Input, O extends z.ZodType>(
  spec: Omit<ChangeCommand<I, O>, 'kind'>,
): ChangeCommand {
  return { ...spec, kind: 'change' } as unknown as ChangeCommand;
}
