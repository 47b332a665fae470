import { describe, expect, test } from 'vitest';

import { confirm, confirmationFor } from '../../../src/cli/prompt.ts';
import type { Plan, Step } from '../../../src/core/change.ts';

const call = { port: 'engine', method: 'x', args: [] };
const reversible: Step = { id: 'a', describe: '', why: '', do: call, undo: call, timeoutMs: 1 };
const irreversible: Step = { id: 'b', describe: '', why: '', do: call, timeoutMs: 1 };
const gate: Step = { id: 'c', describe: '', why: '', verify: call, timeoutMs: 1 };
const planOf = (...steps: Step[]): Plan => ({ target: 'api', summary: '', touches: [], steps });
const open = { name: 'staging', protected: false };
const guarded = { name: 'production', protected: true };
const none = { dryRun: false, yes: false };

describe('the confirmation must follow from the plan', () => {
  test('what can be undone: y/N; a gate is nothing to undo', () => {
    expect(confirmationFor(planOf(reversible, gate), open)).toEqual({ kind: 'yes-or-no' });
  });
  test('a protected environment: its name, and --yes still covers it', () => {
    expect(confirmationFor(planOf(reversible), guarded)).toMatchObject({
      kind: 'type',
      name: 'production',
      yesCovers: true,
    });
  });
  test('what cannot be undone: the name of the target, and --yes does not cover it', () => {
    expect(confirmationFor(planOf(reversible, irreversible), guarded)).toMatchObject({
      kind: 'type',
      name: 'api',
      yesCovers: false,
    });
  });
});

describe('without a terminal', () => {
  const [easy, protectedEnvironment, hard] = [planOf(reversible), planOf(reversible), planOf(irreversible)];
  test('nothing is done unasked', async () => {
    await expect(confirm(confirmationFor(easy, open), none, undefined)).rejects.toMatchObject({
      code: 'NOT_CONFIRMED',
      exit: 5,
      hint: expect.stringContaining('--yes') as string,
    });
  });
  test('--yes confirms what can be undone, in a protected environment too', async () => {
    await confirm(confirmationFor(easy, open), { ...none, yes: true }, undefined);
    await confirm(confirmationFor(protectedEnvironment, guarded), { ...none, yes: true }, undefined);
  });
  test('--yes does not confirm what cannot be undone; the right name does, a wrong one does not', async () => {
    await expect(confirm(confirmationFor(hard, open), { ...none, yes: true }, undefined)).rejects.toMatchObject({
      hint: expect.stringContaining('--confirm api') as string,
    });
    await expect(confirm(confirmationFor(hard, open), { ...none, confirm: 'web' }, undefined)).rejects.toMatchObject({
      code: 'NOT_CONFIRMED',
    });
    await confirm(confirmationFor(hard, open), { ...none, confirm: 'api' }, undefined);
  });
});

describe('at a terminal', () => {
  test('the default is no', async () => {
    await expect(
      confirm(confirmationFor(planOf(reversible), open), none, () => Promise.resolve(false)),
    ).rejects.toMatchObject({ code: 'NOT_CONFIRMED' });
    await confirm(confirmationFor(planOf(reversible), open), none, () => Promise.resolve(true));
  });
  test('the name to be typed is asked for', async () => {
    const asked: (string | undefined)[] = [];
    await confirm(confirmationFor(planOf(irreversible), open), none, (_question, expected) =>
      Promise.resolve(asked.push(expected) > 0),
    );
    expect(asked).toEqual(['api']);
  });
});
