/** Every fault of the catalogue, played for real: health finds it, says what to do, and turns nothing else red. */
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Status } from '../../src/core/verdict.ts';
import type { Repair } from '../support/damage.ts';
import type { Fault } from '../support/fault.ts';
import { FAULTS, LOOKING_BACK } from '../support/faults.ts';
import { machine, type Result } from '../support/opsctl.ts';

interface Check {
  id: string;
  status: Status;
  reason: string;
  next: string[];
  durationMs: number;
}

const FOUND_WITHIN_MS = 20_000;
const REPAIRED_WITHIN_MS = 60_000;
/** Of the demo's cache, whose readers often ask for what is not there: no fault, and none of ours. */
const BY_NATURE = ['redis.hit-ratio'];

const opsctl = machine('health');
const look = async (fault: Fault): Promise<{ result: Result; checks: Check[] }> => {
  const result = await opsctl(['health', '--detailed', '--json', ...(fault.argv ?? [])], { env: { ...fault.env } });
  if (result.stdout === '') throw new Error(`opsctl said nothing: ${result.stderr}`);
  return { result, checks: result.json<{ data?: { checks: Check[] } }>().data?.checks ?? [] };
};

const matches = (pattern: string, id: string): boolean =>
  pattern.endsWith('*') ? id.startsWith(pattern.slice(0, -1)) : pattern === id;
const isCalm = ({ status }: Check): boolean => status === 'ok' || status === 'skipped';
const accepts = (wanted: Status | readonly Status[], status: Status | undefined): boolean =>
  status !== undefined && [wanted].flat().includes(status);

/** What is not well and should be, by what the fault says; nothing when all is as expected. */
function surprises(fault: Fault, checks: readonly Check[]): string[] {
  const rules = [fault.expected, ...(fault.depends ?? []).map((one) => one.checks)].flatMap((one) =>
    Object.entries(one),
  );
  const missing = Object.entries(fault.expected)
    .map(([id, wanted]) => ({ id, wanted, check: checks.find((check) => check.id === id) }))
    .filter(({ wanted, check }) => !accepts(wanted, check?.status))
    .map(
      ({ id, wanted, check }) => `${id} is ${check?.status ?? 'absent'}, not ${String(wanted)}: ${check?.reason ?? ''}`,
    );
  const others = checks
    .filter((check) => !isCalm(check) && ![...LOOKING_BACK, ...BY_NATURE].some((pattern) => matches(pattern, check.id)))
    .filter((check) => !rules.some(([pattern, wanted]) => matches(pattern, check.id) && accepts(wanted, check.status)))
    .map((check) => `${check.id} turned ${check.status}: ${check.reason}`);
  const guilty = checks.filter(({ id }) => id in fault.expected).map(({ reason }) => reason);
  const unsaid = fault.says === undefined || guilty.some((reason) => reason.includes(fault.says ?? ''));
  return [...missing, ...others, ...(unsaid ? [] : [`nobody says "${fault.says ?? ''}": ${guilty.join('; ')}`])];
}

/** Asks until there are no surprises any more; the last answer either way. */
async function until(fault: Fault, ms: number): Promise<{ result: Result; checks: Check[]; left: string[] }> {
  const end = performance.now() + ms;
  for (;;) {
    const seen = await look(fault);
    const broken = fault.isSo === undefined || (await fault.isSo());
    const left = broken ? surprises(fault, seen.checks) : ['the platform is not broken as it should be'];
    if (left.length === 0 || performance.now() > end) return { ...seen, left };
    await sleep(300);
  }
}

const CALM: Fault = { name: 'nothing', inject: async () => async () => undefined, expected: {}, exit: 0, next: '' };
const table: string[] = [];
/** Repairs that a test which was ended for its time left undone. */
const open = new Set<Repair>();

describe('health --detailed', () => {
  beforeAll(async () => {
    // Alerts of what happened before must have ended too, else no exit code can be told.
    for (let tries = 0; tries < 60 && (await look(CALM)).result.code !== 0; tries += 1) await sleep(1000);
    const { left, result } = await until(CALM, REPAIRED_WITHIN_MS);
    expect(left, 'the platform must be well before it is broken').toEqual([]);
    expect(result.code).toBe(0);
  });
  afterAll(async () => {
    for (const repair of open) await repair();
    process.stderr.write(`${table.join('\n')}\n`);
  });

  for (const fault of FAULTS) {
    it.skipIf(fault.long === true && process.env['OPSCTL_FAULTS'] !== 'all')(`must find: ${fault.name}`, async () => {
      const began = performance.now();
      const repair = await fault.inject();
      const injected = performance.now();
      open.add(repair);
      try {
        const { result, checks, left } = await until(
          { ...fault, argv: [...(fault.argv ?? []), ...(repair.argv ?? [])] },
          fault.within ?? FOUND_WITHIN_MS,
        );
        const found = performance.now();
        const wrong = checks.filter((check) => !isCalm(check) && !BY_NATURE.includes(check.id));
        expect(left).toEqual([]);
        expect(result.code).toBe(fault.exit);
        const guilty = checks.filter(({ id }) => id in fault.expected);
        expect(guilty.flatMap(({ next }) => next).join('\n')).toContain(fault.next);
        for (const check of wrong) expect(check.next, `next of ${check.id}`).not.toEqual([]);
        await repair();
        open.delete(repair);
        const after = await until(CALM, REPAIRED_WITHIN_MS);
        expect(after.left, 'the platform must be well again').toEqual([]);
        const seconds = [injected - began, found - injected, result.ms, performance.now() - found];
        table.push(
          `${fault.name}: ${wrong.map(({ id, status }) => `${id} ${status}`).join(', ')}; exit ${String(result.code)}; ` +
            `broken, found, last look, well again in ${seconds.map((ms) => (ms / 1000).toFixed(1)).join(', ')} s`,
        );
      } finally {
        if (open.delete(repair)) await repair();
      }
    });
  }
});
