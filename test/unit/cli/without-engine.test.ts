import { expect, test } from 'vitest';

import { mayGoWithout } from '../../../src/cli/without-engine.ts';
import type { Plan } from '../../../src/core/change.ts';
import { OpsError } from '../../../src/core/errors.ts';
import { plan, step } from '../../../src/core/plan.ts';

const away = new OpsError('UNREACHABLE', 'the engine does not run', { hint: 'Start it.', details: { engine: true } });
const analyze = step({
  ...{ id: 'database.analyze:orders', describe: 'analyze', why: 'test', undo: 'not needed' as const },
  do: (w) => w.database.analyze('main', { schema: 'public', name: 'orders' }, 1000),
});
const stop = step({
  ...{ id: 'docker.stop:a', describe: 'stop', why: 'test' },
  do: (w) => w.engine.stopContainer('a', 1),
  undo: (w) => w.engine.startContainer('a'),
});
const of = (...steps: Plan['steps']): Plan => plan({ target: 'main', summary: 's', touches: [], steps });

test('a change that needs no engine must be let go on, once somebody says so', () => {
  expect(() => mayGoWithout(of(analyze), away, true)).not.toThrow();
  expect(() => mayGoWithout(of(analyze), away, false)).toThrow(
    expect.objectContaining({
      code: 'UNREACHABLE',
      hint: 'Start it. To change it all the same, with nobody else kept out and the journal on this machine: --without-engine',
    }),
  );
});

test('a change that touches a container must be refused whatever is said, without the way', () => {
  for (const said of [true, false])
    for (const given of [of(stop), of(analyze, stop)]) expect(() => mayGoWithout(given, away, said)).toThrow(away);
  const waits = step({
    ...{ id: 'database.analyze:orders', describe: 'analyze', why: 'test', undo: 'not needed' as const },
    do: (w) => w.database.analyze('main', { schema: 'public', name: 'orders' }, 1000),
    verify: (r) => r.engine.isStopped('a'),
  });
  expect(() => mayGoWithout(of(waits), away, true)).toThrow(away);
});
