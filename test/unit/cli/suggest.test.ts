import { expect, test } from 'vitest';

import { suggestFor } from '../../../src/cli/suggest.ts';
import { OpsError } from '../../../src/core/errors.ts';

test('suggested commands must choose the platform that was chosen', () => {
  const { data, error } = suggestFor({ global: { environment: 'staging', config: '/tmp/two files.yaml' } }, {});
  const chosen = 'opsctl -e staging --config "/tmp/two files.yaml"';
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

test('sentences of the program itself must have such commands, too, and nothing else be changed', () => {
  const { data, text } = suggestFor({ global: { environment: 'staging' } }, {});
  const said = {
    notes: ['more: opsctl db activity'],
    drift: ['paused, see opsctl history 1'],
    reason: 'opsctl status',
  };
  expect(data(said)).toEqual({
    notes: ['more: opsctl -e staging db activity'],
    drift: ['paused, see opsctl -e staging history 1'],
    reason: 'opsctl status',
  });
  const told = text('the engine is too old: opsctl needs 1.41; files of opsctl in nginx; run opsctl config check.');
  expect(told).toBe(
    'the engine is too old: opsctl needs 1.41; files of opsctl in nginx; run opsctl -e staging config check.',
  );
  expect(text(told)).toBe(told);
});

test('where nothing was chosen they stay as they are', () => {
  const same = { next: ['opsctl status'] };
  expect(suggestFor({ global: { config: '' } }, {}).data(same)).toBe(same);
  expect(suggestFor({ global: { config: 'x.yaml' } }, { OPSCTL_CONFIG: 'x.yaml' }).data(same)).toBe(same);
});

test('suggested commands must ask the database or cache that was chosen, and no other kind', () => {
  const asked = {
    global: { environment: 'staging' },
    command: { name: 'db kill' },
    input: { database: 'orders', pids: [7] },
  };
  const { data, error } = suggestFor(asked, {});
  expect(data({ next: ['opsctl db activity', 'opsctl db kill 7 --terminate', 'opsctl cache memory'] }).next).toEqual([
    'opsctl -e staging db activity --database orders',
    'opsctl -e staging db kill --database orders 7 --terminate',
    'opsctl -e staging cache memory',
  ]);
  expect(error(new OpsError('UNSAFE', 'no', { hint: 'See who waits: opsctl db blocking.' })).hint).toBe(
    'See who waits: opsctl -e staging db blocking --database orders.',
  );
  // The database of a cache is a number of its own; the cache is what is named.
  const flush = { global: {}, command: { name: 'cache flush' }, input: { database: 3, cache: 'sessions' } };
  expect(suggestFor(flush, {}).data({ next: ['opsctl cache keys --by prefix', 'opsctl db activity'] }).next).toEqual([
    'opsctl cache keys --cache sessions --by prefix',
    'opsctl db activity',
  ]);
  expect(suggestFor(flush, {}).text('opsctl cache keys --cache sessions')).toBe('opsctl cache keys --cache sessions');
  const only = { next: ['opsctl db activity'] };
  expect(suggestFor({ global: {}, command: { name: 'db locks' }, input: {} }, {}).data(only)).toBe(only);
});
