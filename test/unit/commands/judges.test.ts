import { expect, test } from 'vitest';

import { judges } from '../../../src/commands/judges.ts';
import { step, world } from '../deploy/world.ts';

test('what judges a release must be the same for all questions of a change, so that it knows when it looked last', async () => {
  const { asked, platform, readers } = world({ forMs: 50_000 });
  const { release } = judges(readers, platform);
  await release.hasPassed(step());
  const once = asked.length;
  expect(once).toBeGreaterThan(0);
  await release.hasPassed(step());
  expect(asked).toHaveLength(once);
});
