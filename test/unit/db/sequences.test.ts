import { describe, expect, test } from 'vitest';

import type { Sequence } from '../../../src/core/ports/database-storage.ts';
import type { DatabaseLook } from '../../../src/core/ports/database.ts';
import { conclude } from '../../../src/db/report.ts';
import { sequences } from '../../../src/db/sequences.ts';
import { limits, lookOf, sequence, told } from './look.ts';

const INTEGER = 2 ** 31 - 1;
const look = (...all: Sequence[]): DatabaseLook<'sequences'> => lookOf({ sequences: all });

describe('sequences', () => {
  test('with room must be well', () => {
    expect(told(sequences, look(sequence()))).toEqual([
      'ok none of 1 sequence is near its end; public.orders_id_seq has used the most, 0.00 %',
    ]);
    expect(told(sequences, look(sequence({ last: undefined as never })))).toEqual([
      'ok none of 1 sequence is near its end',
    ]);
  });

  test('must be judged by the column where that is narrower', () => {
    const at = look(sequence({ last: Math.round(INTEGER * 0.96) }));
    expect(told(sequences, at)[1]).toBe(
      'crit public.orders_id_seq: 96.0 % used, 85899346 values left: public.orders.id is integer and takes no greater value; then every insert fails',
    );
    expect(conclude(sequences, at, 'main', limits).findings[1]?.next).toEqual([
      'ALTER TABLE public.orders ALTER COLUMN id TYPE bigint; -- rewrites the table under ACCESS EXCLUSIVE: plan it',
    ]);
  });

  test('that are narrower than their column must be widened, which costs nothing', () => {
    const narrow = sequence({ type: 'integer', max: INTEGER, columnType: 'bigint', last: Math.round(INTEGER * 0.9) });
    const { findings } = conclude(sequences, look(narrow), 'main', limits);
    expect(findings[1]).toMatchObject({
      status: 'warn',
      reason: expect.stringContaining('it ends at 2147483647'),
      next: ['ALTER SEQUENCE public.orders_id_seq AS bigint;'],
    });
  });

  test('that count down must end at the bottom', () => {
    const down = sequence({ increment: -1, min: -100, max: -1, last: -99, columnType: 'bigint' });
    expect(conclude(sequences, look(down), 'main', limits).rows[0]).toMatchObject({ used: 0.99, left: 1, limit: -100 });
  });

  test('that take great steps must tell what is left in steps', () => {
    const step = sequence({ increment: 10, max: 100, last: 90 });
    expect(conclude(sequences, look(step), 'main', limits).rows[0]).toMatchObject({ left: 1, used: 0.9 });
  });

  test('that begin anew must not be judged', () => {
    expect(told(sequences, look(sequence({ cycles: true, max: 100, last: 99 })))).toHaveLength(1);
  });

  test('that were not asked must be noted', () => {
    const { notes, rows } = conclude(
      sequences,
      look(
        sequence({ name: 'a', isLocked: true, last: undefined as never }),
        sequence({ name: 'b', isReadable: false, last: undefined as never }),
      ),
      'main',
      limits,
    );
    expect(notes).toEqual([
      '1 sequence that watcher may not read left out',
      'not asked, because that would mean to wait for a lock: a',
    ]);
    expect(rows.every(({ used }) => used === null)).toBe(true);
  });
});
