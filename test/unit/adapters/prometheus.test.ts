import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  numberOf,
  readAlerts,
  readEnvelope,
  readSamples,
  readTargets,
} from '../../../src/adapters/prometheus-answers.ts';
import { OpsError } from '../../../src/core/errors.ts';

test('numbers as Go writes them', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const text = String(value);
      expect(numberOf(text)).toBe(Number(text));
    }),
  );
  expect([numberOf('+Inf'), numberOf('-Inf'), numberOf('NaN'), numberOf('1.5e+06')]).toEqual([
    Infinity,
    -Infinity,
    NaN,
    1.5e6,
  ]);
  for (const text of ['', ' ', '0x10', '1_0', 'Infinity', '1e', '.']) expect(() => numberOf(text)).toThrow(OpsError);
});

test('whatever JSON comes, it is read or refused as an OpsError', () => {
  const plausible = fc.record(
    {
      resultType: fc.constantFrom('vector', 'scalar', 'matrix', 'string', 'x'),
      result: fc.oneof(
        fc.array(
          fc.record({ metric: fc.dictionary(fc.string(), fc.string()), value: fc.tuple(fc.double(), fc.string()) }),
        ),
        fc.jsonValue(),
      ),
      activeTargets: fc.array(
        fc.record({ labels: fc.dictionary(fc.string(), fc.string()), health: fc.string(), lastScrape: fc.string() }),
      ),
      alerts: fc.array(
        fc.record({
          labels: fc.dictionary(fc.string(), fc.string()),
          state: fc.constantFrom('firing', 'inactive'),
          activeAt: fc.string(),
        }),
      ),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(plausible, fc.jsonValue()), (data) => {
      for (const read of [readSamples, readTargets, readAlerts]) {
        expect(errorOf(() => read(data))).toSatisfy((thrown) => thrown === undefined || thrown instanceof OpsError);
      }
    }),
  );
});

test('whatever text comes, the envelope is read or absent', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      expect(() => readEnvelope(text)).not.toThrow();
    }),
  );
});

test('a target never scraped has no time', () => {
  const data = {
    activeTargets: [{ labels: { job: 'a', instance: 'b' }, health: 'unknown', lastScrape: '0001-01-01T00:00:00Z' }],
  };
  expect(readTargets(data)).toEqual([{ job: 'a', instance: 'b', health: 'unknown', lastError: '', lastScrapeAt: '' }]);
});

function errorOf(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (thrown) {
    return thrown;
  }
}
