/** Health after a deploy: visitors are sent to one colour, and how well the other is says nothing of what they get. */
import { expect, test } from 'vitest';

import type { FakeContainer } from '../../support/fakes/engine.ts';
import { reasonOf, statuses, world } from './platform.ts';

const NAME = 'shop-api-prod-green-r1';

/** The api of two colours, green live, without a URL to ask. */
function twoColours(green: Partial<FakeContainer>, blue: Partial<FakeContainer> = {}) {
  const one = world(
    { services: { api: {} } },
    { routing: { live: { api: 'green' }, generation: 2, since: '2026-03-01T08:00:00.000Z' } },
  );
  const first = one.engine.all.find(({ service }) => service === 'api');
  const labels = { 'opsctl.service': 'api', 'opsctl.colour': 'green', 'opsctl.deploy': '1', 'opsctl.release': 'v2' };
  if (green.name !== 'absent') one.engine.add({ ...first, id: 'green', name: NAME, labels, ...green });
  Object.assign(first ?? {}, blue);
  return one;
}

test('a dead live container must be critical, however well the release before it is', async () => {
  const health = await twoColours({ state: 'exited', exitCode: 137 }).look({ detailed: true });
  expect(statuses(health)).toMatchObject({ api: 'crit', [`container:${NAME}`]: 'crit', 'release:api': 'crit' });
  expect(reasonOf(health, 'release:api')).toBe('visitors are sent to green, in which no container of it runs');
});

test('visitors that are sent to where nothing is must be critical', async () => {
  const health = await twoColours({ name: 'absent' }).look({ detailed: true });
  expect(statuses(health)).toMatchObject({ api: 'crit', 'release:api': 'crit' });
  expect(reasonOf(health, 'api')).toBe('visitors are sent to green, in which service api has no container');
});

test('a release that was stopped after a deploy must be well, and the release tell which is live', async () => {
  const stopped = await twoColours({}, { state: 'exited', exitCode: 0 }).look({ detailed: true });
  expect(statuses(stopped)).toMatchObject({ api: 'ok', 'container:shop-api-prod': 'ok', 'release:api': 'ok' });
  expect(reasonOf(stopped, 'container:shop-api-prod')).toContain('not live');
  const labels = { 'opsctl.colour': 'blue' };
  const warm = await twoColours({}, { labels }).look({ detailed: true });
  expect(reasonOf(warm, 'release:api')).toContain('(live: green)');
});
