/** What is refused while visitors get two versions, and what is told to run instead. */
import { describe, expect, test } from 'vitest';

import blueGreen from '../../../src/commands/deploy/blue-green.ts';
import canaryCommand from '../../../src/commands/deploy/canary.ts';
import promote from '../../../src/commands/deploy/promote.ts';
import retire from '../../../src/commands/deploy/retire.ts';
import type { ChangeEvent, Plan } from '../../../src/core/change.ts';
import type { ChangeCommand, Context } from '../../../src/core/command.ts';
import type { OpsError } from '../../../src/core/errors.ts';
import { mustNotMeetUnfinished } from '../../../src/core/unfinished.ts';
import { planCanary } from '../../../src/deploy/plan-canary.ts';
import { fakeEngine } from '../../support/fakes/engine.ts';
import { fakeFiles } from '../../support/fakes/files.ts';
import { fakeJournal } from '../../support/fakes/journal.ts';
import { fakeLoadBalancer } from '../../support/fakes/load-balancer.ts';
import { fakeLock } from '../../support/fakes/lock.ts';
import { deployed, made, requestOf, serviceFacts, wanted } from '../deploy/facts.ts';
import { contextOf, of, shop } from '../inspect/platform.ts';

const at = '2026-03-01T11:00:00.000Z';
const COMMANDS: [string, ChangeCommand, Record<string, unknown>][] = [
  ['deploy blue-green', blueGreen, { version: 'v3' }],
  ['deploy blue-green --rollback', blueGreen, { rollback: true }],
  ['deploy canary', canaryCommand, { version: 'v3', noAnalysis: true }],
  ['deploy retire', retire, {}],
  ['deploy retire --force', retire, { force: true }],
];

/** A canary of the api that was walked to its first gate, and then killed, or held, or runs on; or was made by nobody known. */
async function world(how: 'killed' | 'held' | 'runs' | 'unknown'): Promise<Context> {
  const engine = fakeEngine();
  engine.add(of('nginx', { name: 'nginx', id: 'nginx' }));
  engine.add(made('shop_api_1'));
  engine.add(deployed('api', { colour: 'green', version: 'v2', deploy: 1 }));
  const journal = fakeJournal();
  const walk = { percents: [5, 100], stepMs: 60_000, analysed: true };
  const plan = planCanary(requestOf([wanted(serviceFacts('api'))]), walk);
  const begin: ChangeEvent = { type: 'begin', at, command: 'deploy canary', input: {}, actor: 'a', host: 'h', plan };
  if (how !== 'unknown') await journal.append('1', begin);
  if (how === 'held') await journal.append('1', { type: 'end', at, outcome: 'paused', left: [] });
  const lock = fakeLock();
  if (how === 'runs') await lock.acquire({ owner: 'bob', command: 'deploy canary', change: '1' });
  const routing = { live: {}, canary: { services: ['api'], percent: 5 }, generation: 2, since: at };
  const loadBalancer = fakeLoadBalancer({ nginx: { routing } });
  return contextOf({ engine, loadBalancer, files: fakeFiles(), journal, lock }, shop({ services: { api: {} } }));
}

const planOf = async (command: ChangeCommand, input: object, context: Context): Promise<Plan> =>
  await command.plan(command.input.parse(input), context);

describe.each(COMMANDS)('%s must be refused while a canary gets traffic, and told', (_name, command, input) => {
  test.each<['killed' | 'held' | 'runs' | 'unknown', RegExp]>([
    ['killed', /^End it first: opsctl resume 1, or opsctl abort 1$/],
    ['held', /^End it first: opsctl deploy promote, or opsctl deploy canary --rollback$/],
    ['unknown', /^End it first: opsctl deploy promote, or opsctl deploy canary --rollback$/],
    ['runs', /^Wait for bob on \S+, who has run deploy canary since \S+: opsctl deploy status$/],
  ])('how it is ended when it is %s', async (how, hint) => {
    const refused = await planOf(command, input, await world(how)).catch((thrown: unknown) => thrown as OpsError);
    expect(refused).toMatchObject({ code: 'UNSAFE', message: 'a canary of api gets 5 % of traffic' });
    expect((refused as OpsError).hint).toMatch(hint);
  });
});

test.each<['held' | 'unknown']>([['held'], ['unknown']])(
  'what is told to end a canary that is %s must not be refused',
  async (how) => {
    const context = await world(how);
    const { changes } = await context.readers.journal.unfinished();
    for (const [command, input] of [
      [promote, { force: true }],
      [canaryCommand, { rollback: true }],
    ] as const) {
      const settles = await command.settles?.(command.input.parse(input), context);
      mustNotMeetUnfinished(await planOf(command, input, context), changes, { settles });
    }
  },
);
