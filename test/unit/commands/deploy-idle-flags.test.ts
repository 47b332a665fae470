/** Flags that a way of running a deploy command has no use for. */
import { describe, expect, test } from 'vitest';

import { type Invocation, readCommandLine } from '../../../src/cli/invocation.ts';
import blueGreen from '../../../src/commands/deploy/blue-green.ts';
import canary from '../../../src/commands/deploy/canary.ts';
import promote from '../../../src/commands/deploy/promote.ts';
import type { ChangeCommand } from '../../../src/core/command.ts';

const parse = (command: ChangeCommand, flags: string[], env: Record<string, string> = {}): Invocation | undefined =>
  readCommandLine(command, [...command.name.split(' '), ...flags], env, () => undefined, 80);

const CANARY = '--rollback ends the canary that runs, of all its services; it takes no ';
const BACK = '--rollback goes back to the release before; it takes no ';
const ALL = 'without --to all visitors get the canary, with no step to compare it in; it takes no ';

describe('a flag that would do nothing must be refused:', () => {
  test.each<[string, ChangeCommand, string[]]>([
    [`${CANARY}--version`, canary, ['--rollback', '--version', 'v2']],
    [`${CANARY}--service`, canary, ['--rollback', '--service', 'api']],
    [`${CANARY}--initial-traffic-percent`, canary, ['--rollback', '--initial-traffic-percent', '5']],
    [`${CANARY}--auto-promote, no --steps`, canary, ['--rollback', '--steps', '5,25,50,100', '--auto-promote']],
    [`${CANARY}--step-duration`, canary, ['--rollback', '--step-duration', '2m']],
    [`${CANARY}--no-analysis`, canary, ['--rollback', '--no-analysis']],
    [`${CANARY}--incompatible-migration`, canary, ['--rollback', '--incompatible-migration', 'why']],
    [
      'without --auto-promote the canary stays at --initial-traffic-percent; it takes no --steps',
      canary,
      ['--version', 'v2', '--initial-traffic-percent', '10', '--steps', '5,25'],
    ],
    [`${BACK}--version`, blueGreen, ['--rollback', '--version', 'v2']],
    [`${BACK}--incompatible-migration`, blueGreen, ['--rollback', '--incompatible-migration', 'why']],
    [`${ALL}--step-duration`, promote, ['--step-duration', '2m']],
  ])('%s', (message, command, flags) => {
    const hint = expect.stringContaining(`opsctl ${command.name}`) as string;
    expect(() => parse(command, flags)).toThrow(expect.objectContaining({ code: 'USAGE', message, hint }));
  });
});

test.each<[ChangeCommand, string[]]>([
  [canary, ['--rollback', '--force']],
  [blueGreen, ['--rollback', '--service', 'api', '--force']],
  [canary, ['--version', 'v2', '--steps', '10,25']],
  [canary, ['--version', 'v2', '--auto-promote', '--initial-traffic-percent', '10', '--steps', '5,25']],
  [promote, ['--to', '50', '--step-duration', '2m']],
])('what has an effect must not be refused: %#', (command, flags) => {
  expect(parse(command, flags)).toBeDefined();
});

test('a lasting variable, which is meant for canaries that begin, must not keep anybody from taking one back', () => {
  const env = { OPSCTL_DEPLOY_CANARY_STEPS: '10,100', OPSCTL_DEPLOY_CANARY_AUTO_PROMOTE: '1' };
  expect(parse(canary, ['--rollback'], env)?.input).toMatchObject({ rollback: true, steps: '10,100' });
});
