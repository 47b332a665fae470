import { describe, expect, test } from 'vitest';

import { OpsError } from '../../../src/core/errors.ts';
import type { CanaryStep } from '../../../src/core/ports/release.ts';
import { viewOf } from '../../../src/deploy/view.ts';
import { step, type World, world } from './world.ts';

const linesOf = async ({ platform, readers }: World, of: Partial<CanaryStep> = {}): Promise<string> =>
  (await viewOf(step(of), platform, readers)).lines.join('\n');

describe('a canary for people', () => {
  test('must be both versions side by side, and what is said of them', async () => {
    const seen = world();
    seen.counted['v2'] = { requests: 500, errors: 1 };
    expect(await linesOf(seen)).toMatchInlineSnapshot(`
      "api █░░░░░░░░░░░░░░░░░░░ 4.8 % of requests, 5 % of visitors assigned
        v1: 10000 requests, 0 % errors, p95 95 ms
        v2: 500 requests, 0.20 % errors, p95 95 ms
        pass: 1 of 500 failed (0.20 %), of stable 0 of 10000 failed (0 %): at most 0.89 points more with 95 %, below 1; p95 95 ms, of stable 95 ms"
    `);
  });

  test('must say that it is too early', async () => {
    expect(await linesOf(world({ forMs: 14_000 }))).toMatchInlineSnapshot(
      `"█░░░░░░░░░░░░░░░░░░░ 5 % assigned; nothing measured yet"`,
    );
  });

  test.each<[string, World, Partial<CanaryStep>]>([
    ['without a Prometheus', world({ prometheus: false }), {}],
    ['of versions that metrics do not tell apart', world(), { services: [] }],
  ])('must say that nothing will be compared %s', async (_which, seen, of) => {
    expect(await linesOf(seen, of)).toMatch(/^█░{19} 5 % assigned; nothing is compared, because /);
  });

  test('must say what Prometheus says that does not answer', async () => {
    const seen = world();
    seen.metrics.down = new OpsError('UNREACHABLE', 'prometheus refuses the connection');
    expect(await linesOf(seen)).toBe('Prometheus cannot be asked: prometheus refuses the connection');
  });
});
