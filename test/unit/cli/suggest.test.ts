import { expect, test } from 'vitest';

import { suggestFor } from '../../../src/cli/suggest.ts';
import { OpsError } from '../../../src/core/errors.ts';

test('suggested commands must choose the platform that was chosen', () => {
  const { data, error } = suggestFor({ environment: 'staging', config: '/tmp/two files.yaml' }, {});
  const chosen = "opsctl -e staging --config '/tmp/two files.yaml'";
  expect(data({ checks: [{ id: 'opsctl x', next: ['opsctl logs web', 'docker ps'] }], next: 'opsctl status' })).toEqual(
    {
      checks: [{ id: 'opsctl x', next: [`${chosen} logs web`, 'docker ps'] }],
      next: `${chosen} status`,
    },
  );
  expect(error(new OpsError('LOCKED', 'held', { hint: 'Wait, or: opsctl lock release.' })).hint).toBe(
    `Wait, or: ${chosen} lock release.`,
  );
});

test('where nothing was chosen they stay as they are', () => {
  const same = { next: ['opsctl status'] };
  expect(suggestFor({ config: '' }, {}).data(same)).toBe(same);
  expect(suggestFor({ config: 'x.yaml' }, { OPSCTL_CONFIG: 'x.yaml' }).data(same)).toBe(same);
});
