import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { COLOURS } from '../../../src/core/ports/load-balancer.ts';
import { tagOf, withVersion } from '../../../src/deploy/image.ts';
import { deployOf } from '../../../src/core/containers.ts';
import { baseName, replicaName } from '../../../src/deploy/names.ts';

describe('the name of a container from release to release', () => {
  const named = (name: string, labels: Record<string, string> = {}) =>
    baseName({ name, labels, project: 'shop', service: 'api' });

  test.each([
    ['shop_api_1', 'shop_api'],
    ['shop-api-12', 'shop-api'],
    ['shop-api-prod', 'shop-api-prod'],
    ['shop_web_1', 'shop_web_1'],
    ['api-1', 'api-1'],
    ['shop_api', 'shop_api'],
  ])('must lose the number only where compose gave it: %s', (name, base) => expect(named(name)).toBe(base));

  test('must be the one that the first deploy gave', () => {
    expect(named('shop_api_1-green-r4-2', { 'opsctl.base': 'shop_api' })).toBe('shop_api');
  });

  test('must be its own where compose did not make it', () => {
    expect(baseName({ name: 'api_1', labels: {} })).toBe('api_1');
  });

  test('must tell releases, colours and replicas apart', () => {
    expect(replicaName('shop_api', 'green', 3, 1)).toBe('shop_api-green-r3');
    expect(replicaName('shop_api', 'blue', 4, 2)).toBe('shop_api-blue-r4-2');
    const one = fc.record({
      colour: fc.constantFrom(...COLOURS),
      deploy: fc.integer({ min: 1, max: 99 }),
      replica: fc.integer({ min: 1, max: 99 }),
    });
    fc.assert(
      fc.property(one, one, (a, b) => {
        const [left, right] = [a, b].map(({ colour, deploy, replica }) => replicaName('x', colour, deploy, replica));
        expect(left === right).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });
});

test.each([
  [{}, 0],
  [{ 'opsctl.deploy': '7' }, 7],
  [{ 'opsctl.deploy': 'x' }, 0],
  [{ 'opsctl.deploy': '-1' }, 0],
  [{ 'opsctl.deploy': '1.5' }, 0],
  [{ 'opsctl.deploy': '1e99' }, 0],
])('the number of the deploy that made %j must be %d', (labels, number) => expect(deployOf({ labels })).toBe(number));

describe('an image of another version', () => {
  test.each([
    ['shop/api:v1', 'shop/api:v2'],
    ['shop/api', 'shop/api:v2'],
    ['registry:5000/shop/api', 'registry:5000/shop/api:v2'],
    ['registry:5000/shop/api:v1', 'registry:5000/shop/api:v2'],
    ['shop/api:v1@sha256:0123', 'shop/api:v2'],
    ['shop/api@sha256:0123', 'shop/api:v2'],
  ])('must keep all but the tag: %s', (reference, wanted) => expect(withVersion(reference, 'v2')).toBe(wanted));

  test.each(['sha256:0123', 'a'.repeat(64), '', '@sha256:0123'])(
    'must be refused where no name is: %j',
    (reference) => {
      expect(() => withVersion(reference, 'v2')).toThrow(expect.objectContaining({ code: 'UNSAFE' }));
    },
  );

  test.each(['', '-v2', '.v2', 'v 2', 'v2/x', 'v2:x', 'v2@sha256:0', 'v2\n', 'a'.repeat(129)])(
    'must be refused where it cannot be a tag: %j',
    (version) => {
      expect(() => withVersion('shop/api:v1', version)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    },
  );

  test('must be found again in the reference, whatever it is', () => {
    const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/);
    fc.assert(
      fc.property(tag, tag, (first, second) => {
        expect(withVersion(withVersion('registry:5000/api', first), second)).toBe(`registry:5000/api:${second}`);
      }),
    );
  });
});

test.each([
  ['shop/api:v1', 'v1'],
  ['registry:5000/shop/api:v1', 'v1'],
  ['shop/api:v1@sha256:0123', 'v1'],
  ['registry:5000/shop/api', undefined],
  ['shop/api@sha256:0123', undefined],
  ['sha256:0123', undefined],
  ['', undefined],
])('the tag of %j must be %s', (reference, tag) => expect(tagOf(reference)).toBe(tag));
