import { describe, expect, test } from 'vitest';

import type { ContainerState } from '../../../src/core/ports/engine.ts';
import { planRestart } from '../../../src/service/restart.ts';
import { planText } from '../../../src/cli/progress.ts';
import { makeStyle } from '../../../src/cli/style.ts';
import { container } from '../../support/containers.ts';

const request = { service: 'api', graceSeconds: undefined, healthyWithinMs: 60_000 };
const named = (name: string, state: ContainerState = 'running') =>
  container({ id: name, name, image: 'shop-api:v1', state });
const shown = (...containers: ReturnType<typeof named>[]): string =>
  planText(planRestart(containers, request), makeStyle({ width: 80, colour: false }), 'staging');

describe('the plan of a restart', () => {
  test('must take one container after the other', () => {
    expect(shown(named('api-1'), named('api-2'))).toMatchInlineSnapshot(`
      "Plan for staging: restart api, 2 containers

        touches container api-1 (shop-api:v1)
        touches container api-2 (shop-api:v1)

        1. stop api-1, with 30 s to finish its requests
           a restart begins with an orderly end
        2. start api-1
           it was stopped
        3. wait until api-1 serves
           success is observed: its own health check decides
        4. stop api-2, with 30 s to finish its requests
           a restart begins with an orderly end
        5. start api-2
           it was stopped
        6. wait until api-2 serves
           success is observed: its own health check decides
      "
    `);
  });

  test('must say that the only container leaves requests unanswered', () => {
    expect(shown(named('api-1'))).toMatchInlineSnapshot(`
      "Plan for staging: restart api, 1 container

        touches container api-1 (shop-api:v1): the only one, so its requests fail
                while it restarts

        1. stop api-1, with 30 s to finish its requests
           a restart begins with an orderly end
        2. start api-1
           it was stopped
        3. wait until api-1 serves
           success is observed: its own health check decides
      "
    `);
  });

  test('must only start what is stopped, and stop that again when it does not come to serve', () => {
    for (const state of ['exited', 'created', 'dead'] as const) {
      const { steps } = planRestart([named('api-1', state)], request);
      expect(steps.map(({ id }) => id)).toEqual(['engine.start:api-1', 'engine.serving:api-1']);
      expect(steps[0]?.undo).toEqual({ port: 'engine', method: 'stopContainer', args: ['api-1', 30] });
    }
  });

  test('must stop and start what is paused or restarts', () => {
    for (const state of ['paused', 'restarting'] as const)
      expect(planRestart([named('api-1', state)], request).steps).toHaveLength(3);
  });

  test('must give a stop its grace and the engine time beyond it', () => {
    const [stop, , serving] = planRestart([named('api-1')], { ...request, graceSeconds: 300 }).steps;
    expect(stop).toMatchObject({
      do: { args: ['api-1', 300] },
      undo: { method: 'startContainer' },
      timeoutMs: 320_000,
    });
    expect(serving).toMatchObject({
      verify: { method: 'isServing' },
      explain: { method: 'whyNotServing' },
      timeoutMs: 60_000,
    });
  });

  test('must give each container the grace that it asks for, unless told otherwise', () => {
    const patient = { ...named('db-1'), stopSeconds: 90 };
    const graceOf = (graceSeconds: number | undefined) =>
      planRestart([patient], { ...request, graceSeconds }).steps[0]?.do?.args[1];
    expect([graceOf(undefined), graceOf(5), graceOf(0)]).toEqual([90, 5, 0]);
  });
});
