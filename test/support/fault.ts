/** What a fault of the catalogue is, and words that all of them use. */
import type { Status } from '../../src/core/verdict.ts';
import { run } from '../../scripts/run.ts';
import type { Repair } from './damage.ts';

/** Statuses by check id; a trailing `*` stands for anything. */
export type Expected = Record<string, Status | readonly Status[]>;

/** What may turn too, or not: with the reason. */
export type Dependents = readonly { checks: Expected; because: string }[];

export interface Fault {
  name: string;
  /** Breaks it; what it gives puts it right again, whatever happened in between. */
  inject(): Promise<Repair>;
  /** Asks the engine, not opsctl, whether it is broken. */
  isSo?(): Promise<boolean>;
  /** Arguments and variables beside `health --detailed --json`. */
  argv?: readonly string[];
  env?: Readonly<Record<string, string>>;
  expected: Expected;
  depends?: Dependents;
  exit: number;
  /** Must be in the reason of one of the checks in `expected`. */
  says?: string;
  /** Must be among the next commands of the checks in `expected`. */
  next: string;
  /** Of the long form only: it takes long, or others are like it. OPSCTL_FAULTS=all (`npm run test:faults`). */
  long?: boolean;
  /** Time until health must see it, in ms. */
  within?: number;
}

export const docker = (...args: string[]): Promise<string> => run(['docker', ...args], { timeoutMs: 30_000 });
/** Name of a service's container. */
export const name = (service: string): string => `ecommerce-${service}-prod`;
export const stateOf = (service: string): Promise<string> =>
  docker('inspect', '-f', '{{.State.Status}}', name(service));
