/** Events of a small change, for tests of the journal. */
import type { ChangeEvent, OUTCOMES } from '../../src/core/change.ts';

export const at = (minute: number): string => new Date(Date.UTC(2025, 0, 1, 0, minute)).toISOString();
export const begin = (
  minute: number,
  more: { recovers?: string; settles?: string; command?: string } = {},
): ChangeEvent => ({
  type: 'begin',
  at: at(minute),
  command: more.command ?? 'service restart',
  input: { name: 'api' },
  actor: 'ana',
  host: 'a',
  plan: {
    target: 'api',
    summary: 'restart',
    touches: [],
    steps: [{ id: 'stop', describe: 'd', why: 'w', timeoutMs: 1 }],
  },
  ...(more.recovers !== undefined && { recovers: more.recovers }),
  ...(more.settles !== undefined && { settles: more.settles }),
});
export const stepBegin = (minute: number): ChangeEvent => ({ type: 'step-begin', at: at(minute), step: 'stop' });
export const stepDone = (minute: number): ChangeEvent => ({
  type: 'step-done',
  at: at(minute),
  step: 'stop',
  durationMs: 5,
});
export const end = (minute: number, outcome: (typeof OUTCOMES)[number] = 'done'): ChangeEvent => ({
  type: 'end',
  at: at(minute),
  outcome,
  left: [],
});
export const idOf = (number: number): string => `20250101T${String(number).padStart(6, '0')}Z-ab12`;
