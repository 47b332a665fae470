import { setTimeout as sleep } from 'node:timers/promises';

import * as z from 'zod';

import { asOpsError, type OpsError } from '../core/errors.ts';
import { duration } from '../core/format.ts';
import { type Verdict, verdict, verdictSchema } from '../core/verdict.ts';

/** One line of a health answer. */
export const findingSchema = z
  .object({
    id: z.string().describe('stable name of the check'),
    component: z.string().describe('the part of the platform that it is about'),
    ...verdictSchema.shape,
    durationMs: z.number().describe('how long observing took'),
  })
  .meta({ id: 'Finding' });
export type Finding = z.infer<typeof findingSchema>;

/** One observation that leads to one or several findings. */
export interface Probe {
  /** Id of the finding when nothing could be observed. */
  id: string;
  component: string;
  /** Ids that it may give, for `--only`; `<prefix>*` for open ends. Default: the id alone. */
  gives?: string[];
  timeoutMs: number;
  /** A quick question without whose answer its slow ones cannot be asked: the others begin once it is answered. */
  leads?(): Promise<unknown>;
  run(): Promise<Record<string, Verdict> | Verdict>;
}

/** How long the others wait for it at most, and then for the slow questions to be on their way, in ms. */
const [LEAD_MS, HEAD_START_MS] = [50, 5];

/** A probe that has run, and what it found. */
export interface Ran {
  probe: Probe;
  found: Finding[];
}

/**
 * Runs all probes at once, each with its own deadline: one that hangs becomes `unknown` and delays no other.
 * Never throws; the order is that of the probes.
 */
export async function runProbes(probes: Probe[]): Promise<Ran[]> {
  const leading = probes.flatMap(({ leads }) => (leads === undefined ? [] : [leads]));
  if (leading.length === 0) return await Promise.all(probes.map(ran));
  // Loading the drivers of all keeps the processor busy for longer than the engine takes to answer …
  await Promise.race([Promise.allSettled(leading.map((lead) => lead())), sleep(LEAD_MS)]);
  const first = new Map(probes.flatMap((probe) => (probe.leads === undefined ? [] : [[probe, ran(probe)] as const])));
  // … and a connection that is being made waits for that, with the slow question that it is for.
  await sleep(HEAD_START_MS);
  return await Promise.all(probes.map((probe) => first.get(probe) ?? ran(probe)));
}

const ran = async (probe: Probe): Promise<Ran> => ({ probe, found: await runProbe(probe) });

async function runProbe(probe: Probe): Promise<Finding[]> {
  const began = performance.now();
  const finding = (id: string, seen: Verdict): Finding => ({
    id,
    component: probe.component,
    ...measuredOnly(seen),
    durationMs: Math.round(performance.now() - began),
  });
  const timer = new AbortController();
  const late = sleep(probe.timeoutMs, 'late' as const, { signal: timer.signal }).catch(() => 'late' as const);
  try {
    const work = probe.run();
    work.catch(() => undefined);
    const seen = await Promise.race([work, late]);
    if (seen === 'late')
      return [
        finding(
          probe.id,
          verdict.unknown(`could not be observed within ${duration(probe.timeoutMs)}`, [
            `opsctl health --only ${probe.id} --timeout ${(probe.timeoutMs * 3).toString()}`,
          ]),
        ),
      ];
    if (isVerdict(seen)) return [finding(probe.id, seen)];
    return Object.entries(seen).map(([id, one]) => finding(id, one));
  } catch (thrown) {
    return [finding(probe.id, notObserved(asOpsError(thrown)))];
  } finally {
    timer.abort();
  }
}

/** A figure that is no number (0 of 0, "NaN" from a server) was not measured, and no document can hold it. */
function measuredOnly(seen: Verdict): Verdict {
  const { value, threshold, ...rest } = seen;
  const odd = [value, threshold].some((figure) => figure !== undefined && !Number.isFinite(figure));
  return odd ? { ...rest, status: 'unknown', reason: `what was measured is no number: ${seen.reason}` } : seen;
}

/** Nothing was seen, and why. The same cause gives the same words, so that the text can tell it once. */
export const notObserved = (error: OpsError): Verdict =>
  verdict.unknown(`could not be observed: ${error.message}`, error.hint === undefined ? [] : [error.hint]);

const isVerdict = (seen: Record<string, Verdict> | Verdict): seen is Verdict =>
  typeof (seen as Verdict).status === 'string';
