/** Flags that a way of running a deploy command has no use for. */
import { describe, expect, test } from 'vitest';

import blueGreen from '../../../src/commands/deploy/blue-green.ts';
import canary from '../../../src/commands/deploy/canary.ts';
import promote from '../../../src/commands/deploy/promote.ts';
import type { ChangeCommand } from '../../../src/core/command.ts';
import { contextOf } from '../inspect/platform.ts';

const CANARY = '--rollback ends the canary that runs, of all its services; it takes no ';
const BACK = '--rollback goes back to the release before; it takes no ';

describe('a flag that would do nothing must be refused before anything is looked at:', () => {
  test.each<[string, ChangeCommand, object]>([
    [`${CANARY}--version`, canary, { rollback: true, version: 'v2' }],
    [`${CANARY}--service`, canary, { rollback: true, service: ['api'] }],
    [`${CANARY}--initial-traffic-percent`, canary, { rollback: true, initialTrafficPercent: 5 }],
    [`${CANARY}--auto-promote, no --steps`, canary, { rollback: true, autoPromote: true, steps: '5,25,50,100' }],
    [`${CANARY}--step-duration`, canary, { rollback: true, stepDuration: '2m' }],
    [`${CANARY}--no-analysis`, canary, { rollback: true, noAnalysis: true }],
    [`${CANARY}--incompatible-migration`, canary, { rollback: true, incompatibleMigration: 'why' }],
    [`${BACK}--version`, blueGreen, { rollback: true, version: 'v2' }],
    [`${BACK}--incompatible-migration`, blueGreen, { rollback: true, incompatibleMigration: 'why' }],
    [
      'without --to all visitors get the canary, with no step to compare it in; it takes no --step-duration',
      promote,
      { stepDuration: '2m' },
    ],
  ])('%s', async (message, command, typed) => {
    const refused = (async () => await command.plan(command.input.parse(typed), contextOf({})))();
    await expect(refused).rejects.toMatchObject({
      code: 'USAGE',
      message,
      hint: expect.stringContaining(`opsctl ${command.name}`) as string,
    });
  });
});
