import { describe, expect, test } from 'vitest';

import type { Step } from '../../../src/core/change.ts';
import { doStep } from '../../../src/core/do-step.ts';
import type { Writers } from '../../../src/core/ports.ts';
import { planBlueGreen } from '../../../src/deploy/plan-blue-green.ts';
import { fakeEngine } from '../../support/fakes/engine.ts';
import { fakeReplicas } from '../../support/fakes/replicas.ts';
import { deployed, ids, made, requestOf, serviceFacts, shown, wanted } from './facts.ts';

const api = wanted(serviceFacts('api'));
const web = wanted(serviceFacts('web'));
const found = (steps: Step[], id: string): Step | undefined => steps.find((one) => one.id === id);

describe('the plan of a release', () => {
  test('must make it serve beside the live one, switch once, watch it, and set its version', () => {
    expect(shown(planBlueGreen(requestOf([api])))).toMatchInlineSnapshot(`
      "Plan for production: deploy api v2

        touches service api: v1 (blue) → v2 (green); 1 container of 256 MiB beside what is live
        touches load balancer nginx: one switch of api
        touches .env: API_VERSION=v2
        touches container shop_api_1: keeps running for a quick rollback

        1. create shop_api-green-r1 from shop/api:v2
           the new version runs beside the old one
        2. start shop_api-green-r1
           it must serve before it gets traffic
        3. wait until shop_api-green-r1 serves
           its own health check decides
        4. ask the new version through the load balancer, 3 times in a row:
           http://127.0.0.1:8080/api/health (green)
           visitors must not be the first to ask
        5. nginx sends traffic to api green
           one rename, seen by the next request; no reload
        6. watch the new version for 1 min
           what only real traffic shows is taken back by itself
        7. set API_VERSION=v2 in .env
           else the next docker-compose up would bring the old version back"
    `);
  });

  test('must pull, end what takes its place, run its command and the hooks, and remove what nobody goes back to', () => {
    const previous = deployed('api', { colour: 'green', version: 'v0', deploy: 3 }, { stopSeconds: 60 });
    const older = deployed('api', { colour: 'green', version: 'v-1', deploy: 1 }, { state: 'exited' });
    const live = deployed('api', { colour: 'blue', version: 'v1', deploy: 4 });
    const facts = serviceFacts('api', { live: [live], previous: [previous], older: [older] });
    const full = wanted(facts, {
      missing: true,
      expects: 'sha256:digest',
      releaseCommand: { command: ['node', 'migrate.js'], timeoutMs: 600_000 },
    });
    const hooks = {
      before: [{ command: ['./backup.sh', '--quick'], timeoutMs: 5000 }],
      after: [{ command: ['./announce.sh'], timeoutMs: 5000 }],
    };
    expect(shown(planBlueGreen(requestOf([full], { options: { hooks } })))).toMatchInlineSnapshot(`
      "Plan for production: deploy api v2

        touches service api: v1 (blue) → v2 (green); 1 container beside what is live
        touches load balancer nginx: one switch of api
        touches .env: API_VERSION=v2
        touches container shop_api-blue-r4: keeps running for a quick rollback
        touches container shop_api-green-r3: removed once the new version is well
        touches container shop_api-green-r1: removed once the new version is well

        1. pull shop/api:v2
           the engine does not have it
        2. see that shop/api:v2 does not forbid a rollback
           what it says could not be read before it was here, and this plan takes a bad version back
        3. run ./backup.sh --quick
           a hook before each deploy
        4. wait until shop_api-green-r3 has finished its requests, at most 30 s
           it gets no new ones; a connection of the load balancer is one that is not finished
        5. stop shop_api-green-r3
           the new version takes its place beside the live one
        6. create shop_api-release-r5 from shop/api:v2
           it runs once, before any traffic
        7. run node migrate.js in shop_api-release-r5
           the release command of the service; what it does to data is not taken back
        8. remove shop_api-release-r5
           it has done its work
        9. create shop_api-green-r5 from shop/api:v2
           the new version runs beside the old one
       10. start shop_api-green-r5
           it must serve before it gets traffic
       11. wait until shop_api-green-r5 serves
           its own health check decides
       12. ask the new version through the load balancer, 3 times in a row:
           http://127.0.0.1:8080/api/health (green)
           visitors must not be the first to ask
       13. nginx sends traffic to api green
           one rename, seen by the next request; no reload
       14. watch the new version for 1 min
           what only real traffic shows is taken back by itself
       15. set API_VERSION=v2 in .env
           else the next docker-compose up would bring the old version back
       16. remove shop_api-green-r3
           no rollback goes back that far
       17. remove shop_api-green-r1
           no rollback goes back that far
       18. run ./announce.sh
           a hook after each deploy"
    `);
  });

  test('must switch all its services at once, and leave those that have the version already', () => {
    const plan = planBlueGreen(requestOf([api, web, wanted(serviceFacts('jobs'), { same: true })]));
    expect(plan.summary).toBe('deploy api v2, web v2');
    expect(ids(plan).filter((id) => id.startsWith('lb.'))).toEqual(['lb.route:nginx']);
    expect(found(plan.steps, 'lb.route:nginx')).toMatchObject({
      do: { args: ['nginx', '/etc/opsctl', { live: { api: 'green', web: 'green', jobs: 'blue' } }] },
      undo: { args: ['nginx', '/etc/opsctl', { live: { api: 'blue', web: 'blue', jobs: 'blue' } }] },
    });
  });

  test('must say the version of what is live already where its variable does not, and no more', () => {
    const variable = { file: '.env', name: 'API_VERSION', value: 'v1' };
    const live = { ...wanted(serviceFacts('api'), { same: true }), variable };
    expect(shown(planBlueGreen(requestOf([live])))).toMatchInlineSnapshot(`
      "Plan for production: api v2 is live already, and only written down

        touches .env: API_VERSION=v2

        1. set API_VERSION=v2 in .env
           else the next docker-compose up would bring the old version back"
    `);
    const plan = planBlueGreen(requestOf([live, web]));
    expect(ids(plan).filter((id) => id.startsWith('files.'))).toEqual([
      'files.variable:WEB_VERSION',
      'files.variable:API_VERSION',
    ]);
    expect(plan.touches).toContain('.env: API_VERSION=v2');
  });

  test('must be empty when all of it is live', () => {
    const plan = planBlueGreen(requestOf([wanted(serviceFacts('api'), { same: true })]));
    expect(shown(plan)).toMatchInlineSnapshot(`
      "Plan for production: api v2 is live already

        nothing to do"
    `);
  });

  test('must make as many replicas as are live, each of which must serve', () => {
    const live = [made('shop_api_1'), made('shop_api_2')];
    const plan = planBlueGreen(requestOf([wanted(serviceFacts('api', { live }))]));
    expect(ids(plan).slice(0, 6)).toEqual([
      'replicas.create:shop_api-green-r1',
      'replicas.create:shop_api-green-r1-2',
      'engine.start:shop_api-green-r1',
      'engine.start:shop_api-green-r1-2',
      'engine.serving:shop_api-green-r1',
      'engine.serving:shop_api-green-r1-2',
    ]);
    expect(found(plan.steps, 'release.well')?.verify?.args).toMatchObject([
      { containers: ['shop_api-green-r1', 'shop_api-green-r1-2'] },
    ]);
  });

  test('must switch every nginx that has a directory of its own', () => {
    const request = requestOf([api]);
    const instances = ['a', 'b'].map((name) => ({ id: `id-${name}`, name }));
    const plan = planBlueGreen({ ...request, facts: { ...request.facts, instances } });
    expect(ids(plan).filter((id) => id.startsWith('lb.'))).toEqual(['lb.route:a', 'lb.route:b']);
  });
});

describe('what is asked of a release', () => {
  test('must be asked of the new colour before the switch, as often as configured', () => {
    const options = { smokePasses: 5, healthyWithinMs: 1000 };
    const { steps } = planBlueGreen(requestOf([api], { options }));
    expect(found(steps, 'release.answers')).toMatchObject({
      verify: {
        args: [{ asks: [{ url: 'http://127.0.0.1:8080/api/health', colour: 'green' }], passes: 5, instance: 'nginx' }],
      },
      timeoutMs: 35_000,
    });
    expect(found(steps, 'engine.serving:shop_api-green-r1')?.timeoutMs).toBe(1000);
  });

  test('must be nothing where no URL is known', () => {
    expect(ids(planBlueGreen(requestOf([wanted(serviceFacts('api'), { smoke: [] })])))).not.toContain(
      'release.answers',
    );
  });

  test('must be compared with the version before, where metrics can tell them apart', () => {
    const compared = (version: string, live = serviceFacts('api').live): unknown =>
      found(
        planBlueGreen(requestOf([wanted(serviceFacts('api', { live }), { version, metrics: 'shop-api' })])).steps,
        'release.well',
      )?.verify?.args;
    expect(compared('v2')).toMatchObject([{ services: [{ metrics: 'shop-api', stable: 'v1', candidate: 'v2' }] }]);
    expect(compared('v1')).toMatchObject([{ services: [] }]);
    expect(compared('v2', [made('a'), made('b', { image: 'shop/api:v0' })])).toMatchObject([{ services: [] }]);
  });

  test('must not be watched when that is switched off', () => {
    expect(ids(planBlueGreen(requestOf([api], { options: { watchMs: 0 } })))).not.toContain('release.well');
  });
});

test('a version that no file keeps must not be set', () => {
  const plan = planBlueGreen(requestOf([wanted(serviceFacts('api'), { variable: { why: 'no envFile' } })]));
  expect(ids(plan).some((id) => id.startsWith('files.'))).toBe(false);
  expect(plan.touches.some((one) => one.includes('.env'))).toBe(false);
});

test('hooks must be told of the release, and called by their place only', () => {
  const hooks = { before: [{ command: ['secret-program'], timeoutMs: 7000 }], after: [] };
  const [first] = planBlueGreen(requestOf([api, web], { options: { hooks } })).steps;
  expect(first).toMatchObject({
    id: 'hooks.run:before-1',
    do: {
      port: 'hooks',
      args: [
        'before',
        0,
        {
          OPSCTL_PROJECT: 'shop',
          OPSCTL_ENVIRONMENT: 'production',
          OPSCTL_SERVICES: 'api web',
          OPSCTL_COLOURS: 'green green',
          OPSCTL_VERSION: 'v2',
        },
      ],
    },
    timeoutMs: 22_000, // and the time to end it
  });
  expect(JSON.stringify(first?.do)).not.toContain('secret-program');
});

test('services that share an image and the variable of their version must have it pulled and set once', () => {
  const variable = { file: '.env', name: 'VERSION', value: 'v1' };
  const both = ['api', 'web'].map((name) => ({
    ...wanted(serviceFacts(name)),
    image: 'shop/app:v2',
    missing: true,
    variable,
  }));
  expect(ids(planBlueGreen(requestOf(both))).filter((id) => /^(?:replicas\.pull|files\.variable)/.test(id))).toEqual([
    'replicas.pull:shop/app:v2',
    'files.variable:VERSION',
  ]);
});

test('a tag that has come to mean another image since it was planned must be told at once, not waited for', async () => {
  const replicas = fakeReplicas(fakeEngine());
  replicas.registry.set('shop/api:v2', 'sha256:moved');
  const one = wanted(serviceFacts('api'), { missing: true, expects: 'sha256:planned' });
  const [pull] = planBlueGreen(requestOf([one])).steps;
  const writers = { replicas } as unknown as Writers;
  const signal = new AbortController().signal;
  const done = await doStep(pull as Step, { writers, confirmLock: async () => undefined, signal });
  expect(done.failure?.error).toMatchObject({ code: 'UNSAFE', message: expect.stringContaining('is another') });
});
