import { describe, expect, test } from 'vitest';

import type { DatabaseLook, Replication, Slot, Standby } from '../../../src/core/ports/database.ts';
import { replication } from '../../../src/db/replication.ts';
import { conclude } from '../../../src/db/report.ts';
import { limits, lookOf, told } from './look.ts';

const MIB = 1024 * 1024;
const look = (more: Partial<Replication>): DatabaseLook<'replication'> =>
  lookOf({ replication: { standbys: [], slots: [], ...more } });
const standby = (more: Partial<Standby> = {}): Standby => ({
  name: 'replica',
  client: '10.0.0.2',
  state: 'streaming',
  mode: 'async',
  lagBytes: 100,
  lagMs: 3,
  ...more,
});
const slot = (more: Partial<Slot> = {}): Slot => ({
  name: 'cdc',
  kind: 'logical',
  isActive: true,
  isLost: false,
  isTemporary: false,
  retainedBytes: 5 * MIB,
  ...more,
});

describe('replication', () => {
  test('must be well without any, and where all follow', () => {
    expect(told(replication, look({}))).toEqual(['ok no standby follows; no slots']);
    expect(told(replication, look({ standbys: [standby()], slots: [slot()] }))).toEqual([
      'ok 1 standby follows, the farthest 100 B behind; 1 slot, up to 5.00 MiB kept for one',
    ]);
  });

  test.each<[string, Partial<Standby>, string]>([
    ['by bytes', { lagBytes: 100 * MIB }, 'warn standby replica: 100 MiB behind, 3 ms behind'],
    ['by time', { lagMs: 400_000 }, 'crit standby replica: 100 B behind, 6 min 40 s behind'],
    ['catching up', { state: 'catchup' }, 'warn standby replica: in state catchup, 100 B behind, 3 ms behind'],
    [
      'and synchronous',
      { lagBytes: 2048 * MIB, mode: 'sync' },
      'crit standby replica: 2.00 GiB behind, 3 ms behind; commits wait for it',
    ],
  ])('must judge a standby that is behind %s', (_how, more, expected) => {
    expect(told(replication, look({ standbys: [standby(more)] }))[1]).toBe(expected);
  });

  test.each<[string, Partial<Slot>, string]>([
    [
      'nobody reads',
      { isActive: false, inactiveSince: '2026-03-01T09:00:00.000Z' },
      'warn slot cdc: nobody reads it for 3 h, and 5.00 MiB of the log are kept for it: see why its reader is away',
    ],
    [
      'nobody reads, and much is kept for',
      { isActive: false, retainedBytes: 20_000 * MIB, safeBytes: 100 * MIB },
      'crit slot cdc: nobody reads it, and 19.5 GiB of the log are kept for it, lost after 100 MiB more: see why its reader is away',
    ],
    [
      'is read slowly',
      { retainedBytes: 2048 * MIB },
      'warn slot cdc: its reader is behind, and 2.00 GiB of the log are kept for it',
    ],
    [
      'is lost',
      { isLost: true },
      'crit slot cdc: lost: the log that it needs was removed, and its reader has to begin anew',
    ],
  ])('must judge a slot that %s', (_how, more, expected) => {
    expect(told(replication, look({ slots: [slot(more)] }))[1]).toBe(expected);
  });

  test.each<[string, Partial<Slot>, boolean]>([
    ['its reader is away', {}, false],
    ['too much is kept for it', { retainedBytes: 20_000 * MIB }, true],
    ['it is lost', { isLost: true }, true],
  ])('must look at a slot first, and drop it as the last resort: %s', (_when, more, drops) => {
    const { next } =
      conclude(replication, look({ slots: [slot({ isActive: false, ...more })] }), 'main', limits).findings[1] ?? {};
    expect(next).toEqual([
      `opsctl db query "SELECT * FROM pg_replication_slots WHERE slot_name = 'cdc'"`,
      ...(drops
        ? ["SELECT pg_drop_replication_slot('cdc'); -- the last resort: whoever reads it has to begin anew"]
        : []),
    ]);
  });

  test.each<[string, NonNullable<Replication['upstream']>, string | undefined]>([
    ['is up to date', { isConnected: true, isPaused: false, lagMs: 0 }, undefined],
    [
      'is behind',
      { isConnected: true, isPaused: false, lagMs: 40_000, host: 'db1' },
      'warn upstream db1: received, and not replayed yet; the last replayed transaction is 40 s old',
    ],
    [
      'is paused',
      { isConnected: true, isPaused: true, lagMs: 40_000 },
      'warn upstream: replay is paused; the last replayed transaction is 40 s old',
    ],
    [
      'has lost its primary',
      { isConnected: false, isPaused: false, lagMs: 400_000 },
      'crit upstream: no receiver runs: this replica has lost its primary, or restores from an archive; the last replayed transaction is 6 min 40 s old',
    ],
  ])('must judge a replica that %s', (_how, upstream, expected) => {
    expect(told(replication, look({ upstream }))[1]).toBe(expected);
  });

  test('must not be well where a standby hides what it does', () => {
    const { status, findings } = conclude(
      replication,
      look({ standbys: [{ name: 'replica', client: '10.0.0.2' }] }),
      'main',
      limits,
    );
    expect([status, findings[0]?.next]).toEqual(['skipped', ['GRANT pg_monitor TO watcher;']]);
  });
});
