import { describe, expect, test } from 'vitest';

import type { Plan } from '../../../src/core/change.ts';
import type { ContainerDetail } from '../../../src/core/ports/engine.ts';
import { released } from '../../../src/deploy/plan-blue-green.ts';
import {
  type Promoted,
  planCanary,
  planCanaryRollback,
  planPromote,
  type Walk,
} from '../../../src/deploy/plan-canary.ts';
import { deployed, factsOf, ids, made, requestOf, serviceFacts, shown, wanted } from './facts.ts';

const request = requestOf([wanted(serviceFacts('api'))]);
const walk = (percents: number[], more: Partial<Walk> = {}): Walk => ({
  percents,
  stepMs: 60_000,
  analysed: true,
  ...more,
});
const share = (percent: number) => ({ live: { api: 'blue' }, canary: { services: ['api'], percent } });
/** Where each switch sends visitors, and what takes it back. */
const switches = ({ steps }: Plan): unknown[] =>
  steps
    .filter(({ do: call }) => call?.method === 'route')
    .map((one) => [one.id, one.do?.args[2], typeof one.undo === 'object' && one.undo.args[2]]);
const compares = ({ steps }: Plan): unknown[] =>
  steps.filter(({ verify }) => verify?.method === 'hasPassed').map(({ verify }) => verify?.args[0]);
const watchAfterSwitch = ({ steps }: Plan): unknown => steps.find(({ id }) => id === 'release.well')?.verify?.args[0];

describe('the plan of a canary', () => {
  test('must give it to a share of visitors and leave it there, to be promoted', () => {
    expect(shown(planCanary(request, walk([5])))).toMatchInlineSnapshot(`
      "Plan for production: canary of api v2: 5 %

        touches service api: v1 (blue) → v2 (green); 1 container of 256 MiB beside what is live
        touches visitors: 5 % for 1 min, until deploy promote

        1. create shop_api-green-r1 from shop/api:v2
           the new version runs beside the old one
        2. start shop_api-green-r1
           it must serve before it gets traffic
        3. wait until shop_api-green-r1 serves
           its own health check decides
        4. ask the new version through the load balancer, 3 times in a row:
           http://127.0.0.1:8080/api/health (green)
           visitors must not be the first to ask
        5. nginx sends traffic to api blue (5 % to green)
           one rename, seen by the next request; no reload
        6. compare the new version with the stable one for at least 1 min
           errors and latency of both, in the same window"
    `);
  });

  test('must walk it through its shares when it is to go live', () => {
    expect(shown(planCanary(request, walk([5, 25, 100])))).toMatchInlineSnapshot(`
      "Plan for production: canary of api v2: 5 %, 25 %, 100 %

        touches service api: v1 (blue) → v2 (green); 1 container of 256 MiB beside what is live
        touches visitors: 5 % for 1 min, then 25 % for 1 min, then all
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
        5. nginx sends traffic to api blue (5 % to green)
           one rename, seen by the next request; no reload
        6. compare the new version with the stable one for at least 1 min
           errors and latency of both, in the same window
        7. nginx sends traffic to api blue (25 % to green)
           one rename, seen by the next request; no reload
        8. compare the new version with the stable one for at least 1 min
           errors and latency of both, in the same window
        9. nginx sends traffic to api green
           one rename, seen by the next request; no reload
       10. watch the new version for 1 min
           what only real traffic shows is taken back by itself
       11. set API_VERSION=v2 in .env
           else the next docker-compose up would bring the old version back"
    `);
  });

  test('must switch share after share, each of which is taken back to where visitors were before', () => {
    const stable = { live: { api: 'blue' } };
    expect(switches(planCanary(request, walk([5, 25, 100])))).toEqual([
      ['lb.route:nginx:5%', share(5), stable],
      ['lb.route:nginx:25%', share(25), stable],
      ['lb.route:nginx', { live: { api: 'green' } }, stable],
    ]);
  });

  test('must count its looks through all its shares, and hold it when it cannot be decided', () => {
    const plan = planCanary(request, walk([5, 25, 100]));
    expect(compares(plan)).toMatchObject([
      { route: share(5), firstLook: 0, plannedLooks: 36, forMs: 60_000, containers: ['shop_api-green-r1'] },
      { route: share(25), firstLook: 18, plannedLooks: 36, forMs: 60_000 },
    ]);
    expect(plan.steps.find(({ id }) => id === 'release.passed:5%')).toMatchObject({
      onFailure: 'pause',
      timeoutMs: 210_000,
      explain: { method: 'canaryView' },
    });
  });

  test('must watch only its containers where it is not to be analysed', () => {
    const plan = planCanary(request, walk([5], { analysed: false }));
    expect(compares(plan)).toEqual([]);
    expect(plan.steps.find(({ id }) => id === 'release.well:5%')).toMatchObject({
      verify: { method: 'isWell', args: [{ route: share(5), services: [], containers: ['shop_api-green-r1'] }] },
    });
  });

  test('must watch only its containers to the end where it is not to be analysed', () => {
    const rebuilt = made('shop_web_1', { service: 'web', image: 'shop/web:v2', imageId: 'sha256:older' });
    const both = requestOf([wanted(serviceFacts('api')), wanted(serviceFacts('web', { live: [rebuilt] }))]);
    const last = watchAfterSwitch(planCanary(both, walk([5, 100], { analysed: false })));
    expect(last).toMatchObject({ services: [], containers: ['shop_api-green-r1', 'shop_web-green-r1'] });
    expect(last).not.toHaveProperty('incomparable');
    expect(watchAfterSwitch(planCanary(request, walk([5, 100])))).toMatchObject({ services: [{ candidate: 'v2' }] });
  });

  describe('must be refused without --no-analysis for a service', () => {
    const rebuilt = made('shop_web_1', { service: 'web', image: 'shop/web:v2', imageId: 'sha256:older' });
    const first = made('shop_web_2', { service: 'web', image: 'shop/web:v1' });
    test.each<[string, ContainerDetail[], string]>([
      [
        'whose version is live from another image',
        [rebuilt],
        'v2 is live already, from another image, and metrics do not tell one from the other',
      ],
      [
        'that runs several versions',
        [rebuilt, first],
        'its live containers do not run one version that metrics could be asked for',
      ],
    ])('%s', (_which, of, why) => {
      const both = requestOf([wanted(serviceFacts('api')), wanted(serviceFacts('web', { live: of }))]);
      for (const percents of [[5], [5, 100]])
        expect(() => planCanary(both, walk(percents))).toThrow(
          expect.objectContaining({
            code: 'UNSAFE',
            message: `web cannot be compared: ${why}`,
            hint: 'Watch containers only, not errors and latency: --no-analysis; or begin a canary without it: --service api',
          }),
        );
      expect(compares(planCanary(both, walk([5, 100], { analysed: false })))).toEqual([]);
    });
  });

  test('must write down, once it is live, the version of what has it already and whose variable says another', () => {
    const variable = { file: '.env', name: 'WEB_VERSION', value: 'v1' };
    const both = requestOf([wanted(serviceFacts('api')), { ...wanted(serviceFacts('web'), { same: true }), variable }]);
    const whole = planCanary(both, walk([5, 100]));
    expect(ids(whole).slice(-2)).toEqual(['files.variable:API_VERSION', 'files.variable:WEB_VERSION']);
    expect(whole.touches).toContain('.env: WEB_VERSION=v2');
    const share = planCanary(both, walk([5]));
    expect(ids(share).filter((id) => id.startsWith('files.'))).toEqual([]);
    expect(share.touches.filter((one) => one.startsWith('.env'))).toEqual([]);
  });

  test('must be empty when the version is live already', () => {
    expect(planCanary(requestOf([wanted(serviceFacts('api'), { same: true })]), walk([5])).steps).toEqual([]);
  });
});

const canary = deployed('api', { colour: 'green', version: 'v2', deploy: 1 });
const facts = serviceFacts('api', { previous: [canary] });
const running = {
  ...request,
  facts: factsOf([facts], { live: { api: 'blue' }, canary: { services: ['api'], percent: 5 } }),
};
const service: Promoted = {
  ...released(wanted(facts), running),
  containers: [canary.name],
  gone: [],
  smoke: [],
};

describe('to take a canary back', () => {
  test('must send all visitors to the stable version, and end it when it has finished its requests', () => {
    expect(shown(planCanaryRollback(running, [service], false))).toMatchInlineSnapshot(`
      "Plan for production: take back the canary of api v2

        touches load balancer: all visitors of api get the stable version
        touches container shop_api-green-r1: removed

        1. nginx sends traffic to api blue
           one rename, seen by the next request; no reload
        2. wait until shop_api-green-r1 has finished its requests, at most 30 s
           it gets no new ones; a connection of the load balancer is one that is not finished
        3. remove shop_api-green-r1
           no rollback goes back that far"
    `);
  });

  test('must give the share back when that fails', () => {
    expect(switches(planCanaryRollback(running, [service], false))).toEqual([
      ['lb.route:nginx', { live: { api: 'blue' } }, share(5)],
    ]);
  });

  test('must remove each of its containers, and none of the stable version', () => {
    const second = deployed('api', { colour: 'green', version: 'v2', deploy: 1 }, { name: 'shop_api-green-r1-2' });
    const two = { ...service, facts: { ...facts, previous: [canary, second] } };
    expect(ids(planCanaryRollback(running, [two], false))).toEqual([
      'lb.route:nginx',
      'engine.drained:shop_api-green-r1',
      'replicas.remove:shop_api-green-r1',
      'engine.drained:shop_api-green-r1-2',
      'replicas.remove:shop_api-green-r1-2',
    ]);
  });
});

describe('to promote a canary', () => {
  test('must give it all visitors, as any release that goes live', () => {
    expect(shown(planPromote(running, [service], walk([100])))).toMatchInlineSnapshot(`
      "Plan for production: promote api v2

        touches load balancer nginx: one switch of api
        touches .env: API_VERSION=v2
        touches container shop_api_1: keeps running for a quick rollback

        1. wait until shop_api-green-r1 serves
           its own health check decides
        2. nginx sends traffic to api green
           one rename, seen by the next request; no reload
        3. watch the new version for 1 min
           what only real traffic shows is taken back by itself
        4. set API_VERSION=v2 in .env
           else the next docker-compose up would bring the old version back"
    `);
    expect(switches(planPromote(running, [service], walk([100])))).toEqual([
      ['lb.route:nginx', { live: { api: 'green' } }, { live: { api: 'blue' } }],
    ]);
  });

  test('must then watch only its containers where it is not to be analysed', () => {
    const watched = watchAfterSwitch(planPromote(running, [service], walk([100], { analysed: false })));
    expect(watched).toMatchObject({ services: [], containers: [canary.name] });
    expect(watchAfterSwitch(planPromote(running, [service], walk([100])))).toMatchObject({
      services: [{ candidate: 'v2' }],
    });
  });

  test('must give it another share, and none at all when it is seen to be bad', () => {
    const plan = planPromote(running, [service], walk([50]));
    expect(shown(plan)).toMatchInlineSnapshot(`
      "Plan for production: canary of api v2: 50 %

        touches visitors: 50 % for 1 min at least

        1. wait until shop_api-green-r1 serves
           its own health check decides
        2. nginx sends traffic to api blue (50 % to green)
           one rename, seen by the next request; no reload
        3. compare the new version with the stable one for at least 1 min
           errors and latency of both, in the same window"
    `);
    expect(switches(plan)).toEqual([['lb.route:nginx:50%', share(50), { live: { api: 'blue' } }]]);
  });

  test('must be asked once more before, at its URLs', () => {
    const { steps } = planPromote(running, [{ ...service, smoke: ['http://127.0.0.1:8080/api/health'] }], walk([100]));
    expect(steps[1]?.verify).toMatchObject({ method: 'answers', args: [{ asks: [{ colour: 'green' }] }] });
  });

  test.each([
    ['none of its containers is there', [], 'no container of the canary of api is there'],
    [
      'one of its containers does not run',
      [canary, { ...canary, name: 'second', state: 'exited' as const }],
      'second of the canary of api is exited',
    ],
  ])('must be refused when %s', (_name, previous, message) => {
    expect(() => planPromote(running, [{ ...service, facts: { ...facts, previous } }], walk([100]))).toThrow(
      expect.objectContaining({ code: 'UNSAFE', message }),
    );
  });
});
