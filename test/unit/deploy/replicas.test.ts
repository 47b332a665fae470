import { describe, expect, test } from 'vitest';

import type { ContainerDetail } from '../../../src/core/ports/engine.ts';
import { replicasOf } from '../../../src/deploy/replicas.ts';
import type { Wanted } from '../../../src/deploy/request.ts';
import { deployed, type Different, made, requestOf, serviceFacts, wanted } from './facts.ts';

function replicas(live: ContainerDetail[], more: Partial<Wanted> = {}, request: Different = {}) {
  const one = wanted(serviceFacts('api', { live }), more);
  return replicasOf(one, requestOf([one], request)).map(({ replica }) => replica);
}
const COMPOSE = 'com.docker.compose';
/** What compose is told of each. */
const composeLabels = (...args: Parameters<typeof replicas>) =>
  replicas(...args).map(({ labels }) =>
    Object.fromEntries(
      Object.entries(labels).flatMap(([name, value]) =>
        name.startsWith(`${COMPOSE}.`) ? [[name.slice(COMPOSE.length + 1), value]] : [],
      ),
    ),
  );

test('a container of the new version must be all that is told of it', () => {
  expect(replicas([made('shop_api_1')], { noRollback: 'column dropped' })).toMatchInlineSnapshot(`
    [
      {
        "aliases": {
          "add": [
            "api-green",
          ],
          "remove": [
            "api-blue",
          ],
        },
        "environment": {
          "OPSCTL_COLOUR": "green",
          "OPSCTL_RELEASE": "v2",
        },
        "expects": "sha256:api2",
        "image": "shop/api:v2",
        "labels": {
          "com.docker.compose.oneoff": "True",
          "opsctl.base": "shop_api",
          "opsctl.colour": "green",
          "opsctl.deploy": "1",
          "opsctl.environment": "production",
          "opsctl.project": "shop",
          "opsctl.release": "v2",
          "opsctl.rollback.forbidden": "column dropped",
          "opsctl.service": "api",
        },
        "model": "id-shop_api_1",
        "name": "shop_api-green-r1",
      },
    ]
  `);
});

test('that nothing is known to forbid the rollback must be left for the image to say', () => {
  expect(replicas([made('shop_api_1')])[0]?.labels).not.toHaveProperty('opsctl.rollback.forbidden');
});

describe('several containers', () => {
  test('must be as many as are live, made each after one of them', () => {
    const live = [made('shop_api_1'), made('shop_api_2'), made('shop_api_3')];
    expect(replicas(live).map(({ name, model }) => [name, model])).toEqual([
      ['shop_api-green-r1', 'id-shop_api_1'],
      ['shop_api-green-r1-2', 'id-shop_api_2'],
      ['shop_api-green-r1-3', 'id-shop_api_3'],
    ]);
  });

  test('must keep their name from release to release, with the next number', () => {
    const live = [deployed('api', { colour: 'blue', version: 'v1', deploy: 4 })];
    expect(replicas(live)).toMatchObject([
      { name: 'shop_api-green-r5', labels: { 'opsctl.deploy': '5', 'opsctl.base': 'shop_api' } },
    ]);
  });

  test('must keep a name that somebody chose', () => {
    expect(replicas([made('shop-api-prod')])).toMatchObject([{ name: 'shop-api-prod-green-r1' }]);
  });
});

test('a service that is configured under another name must keep the one of compose', () => {
  const one = wanted(serviceFacts('backend', { colour: 'green', live: [made('shop_api_1')] }));
  expect(replicasOf(one, requestOf([one]))[0]?.replica).toMatchObject({
    labels: { 'opsctl.service': 'api', 'opsctl.colour': 'blue' },
    aliases: { add: ['backend-blue'], remove: ['backend-green'] },
  });
});

describe('what compose is told of a new container', () => {
  test('must be that it runs once, so that it leaves it alone', () => {
    expect(composeLabels([made('a')])).toEqual([{ oneoff: 'True' }]);
  });

  test('must be nothing where compose did not make the live one', () => {
    const { project: _project, ...alone } = made('api');
    expect(composeLabels([alone])).toEqual([{}]);
  });
});
