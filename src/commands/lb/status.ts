import * as z from 'zod';

import { readCommand } from '../../core/command.ts';
import { localTime } from '../../core/format.ts';
import { COLOURS } from '../../core/ports/load-balancer.ts';
import { observeSetup, isLoaded, isWritten, routingOf, unknownPorts } from '../../lb/observe.ts';

export default readCommand({
  name: 'lb status',
  summary: 'Where the load balancer sends traffic, since when, and what it runs with',
  examples: [
    { command: 'opsctl lb status', explains: 'colours, canary, version and workers of nginx' },
    { command: 'opsctl lb status --json', explains: 'the same for a script' },
  ],
  input: z.object({}),
  output: z.object({
    balancers: z.array(
      z.object({
        container: z.string(),
        version: z.string(),
        workers: z.array(z.number()).describe('process ids on the host of the workers that accept'),
        ready: z.boolean().describe('its files are as they should be, and it runs with them; details: lb check'),
        generation: z.number().nullable().describe('counts the switches; null before opsctl lb setup'),
        since: z.string().nullable(),
        live: z.record(z.string(), z.enum(COLOURS)).describe('by service; others are blue'),
        canary: z.object({ services: z.array(z.string()), percent: z.number() }).nullable(),
      }),
    ),
  }),
  run: async (_input, { platform, readers }) => {
    const { instances, services } = await observeSetup(platform, readers);
    const isKnown = unknownPorts(services).length === 0;
    return {
      balancers: instances.map((instance) => {
        const routing = routingOf(instance);
        return {
          container: instance.name,
          version: instance.version,
          workers: instance.workers,
          ready: isKnown && routing !== undefined && isWritten(instance) && isLoaded(instance),
          generation: routing?.generation ?? null,
          since: routing?.since ?? null,
          live: routing?.live ?? {},
          canary: routing?.canary ?? null,
        };
      }),
    };
  },
  text: ({ balancers }, style) =>
    balancers
      .map(({ container, version, workers, ready, generation, since, live, canary }) =>
        [
          style.bold(container),
          style.pairs([
            ['nginx', `${version}, workers ${workers.join(', ')}`],
            [
              'traffic',
              generation === null
                ? 'not set up for deploys'
                : Object.entries(live)
                    .map(([service, colour]) => `${service} ${colour}`)
                    .join(', '),
            ],
            ...(canary === null
              ? []
              : [['canary', `${canary.percent.toString()} % of ${canary.services.join(', ')}`] as [string, string]]),
            ...(since === null || generation === null
              ? []
              : [['switched', `${localTime(since)}, generation ${generation.toString()}`] as [string, string]]),
            ['ready', ready ? style.good('yes') : style.bad(style.suggest('no, see: opsctl lb check'))],
          ]),
        ].join('\n'),
      )
      .join('\n\n'),
});
