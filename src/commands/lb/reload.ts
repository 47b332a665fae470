import * as z from 'zod';

import { changeCommand, type Context } from '../../core/command.ts';
import { balancerOf } from '../../core/routing.ts';
import { containersNamed } from '../../inspect/names.ts';
import { planReload, runningReplicas, type Balancer } from '../../lb/plan-reload.ts';
import { withinField } from './shared.ts';

export default changeCommand({
  name: 'lb reload',
  summary: 'Make the load balancer load its configuration, and see that it did',
  description:
    'The configuration on disk is tested first; one that does not load is refused. Where there are several replicas, all that run are reloaded, one after the other. After the signal the workers are watched until new ones have taken over: the signal itself proves nothing. Idle keep-alive connections may be reset by nginx before 1.27.4, or without keepalive_min_timeout.',
  examples: [
    { command: 'opsctl lb reload --dry-run', explains: 'test the configuration, show what would be done' },
    { command: 'opsctl lb reload --yes', explains: 'in a script' },
  ],
  input: z.object({ within: withinField }),
  output: z.object({
    replicas: z
      .array(
        z.object({
          container: z.string(),
          configuration: z.string().describe('what the test of the configuration said'),
          workers: z.array(z.number()).describe('process ids on the host of the workers that accept now'),
        }),
      )
      .describe('the replicas of the load balancer that run'),
  }),
  plan: async (input, context) => {
    const { service, balancers } = await observe(context);
    return planReload(service, balancers, input.within * 1000);
  },
  report: async (_input, context) => {
    const { balancers } = await observe(context);
    return {
      replicas: balancers.map(({ container, test, workers }) => ({
        container: container.name,
        configuration: test.output,
        workers: [...workers],
      })),
    };
  },
  text: ({ replicas }, style) =>
    replicas
      .map(
        ({ container, workers }) =>
          `${style.good('✓')} ${container} serves with its configuration on disk, workers ${workers.join(', ')}`,
      )
      .join('\n'),
});

async function observe({ platform, readers }: Context): Promise<{ service: string; balancers: Balancer[] }> {
  const { service } = balancerOf(platform);
  const replicas = containersNamed(service, platform, await readers.engine.containers());
  const balancers = await Promise.all(
    runningReplicas(service, replicas).map(async (container) => ({
      container,
      test: await readers.loadBalancer.checkConfiguration(container.name),
      workers: await readers.loadBalancer.workers(container.name),
    })),
  );
  return { service, balancers };
}
