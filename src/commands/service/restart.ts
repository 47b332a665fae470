import * as z from 'zod';

import { changeCommand, type Context } from '../../core/command.ts';
import { isOfPlatform } from '../../core/containers.ts';
import { OpsError } from '../../core/errors.ts';
import type { ContainerDetail } from '../../core/ports/engine.ts';
import { containersNamed } from '../../inspect/names.ts';
import { planRestart } from '../../service/restart.ts';

export default changeCommand({
  name: 'service restart',
  summary: 'Restart a service, one container after the other, waiting until each serves',
  description:
    'A container that does not serve in time ends the restart: the next ones are left alone. With one container its requests fail while it restarts; with several, the others go on serving.',
  examples: [
    { command: 'opsctl service restart api --dry-run', explains: 'what would be touched, in which order' },
    { command: 'opsctl service restart web --yes', explains: 'without being asked' },
    { command: 'opsctl service restart database --grace-seconds 60', explains: 'more time for an orderly end' },
  ],
  input: z.object({
    name: z.string().min(1).meta({
      description: 'service, as configured or as compose calls it, or a container',
      positional: true,
      completes: 'service',
    }),
    graceSeconds: z.number().int().min(0).max(3600).optional().meta({
      description: 'between SIGTERM and SIGKILL; default: what the container asks for, else 30',
      value: 'seconds',
    }),
    healthyWithin: z
      .number()
      .int()
      .min(1)
      .max(3600)
      .default(60)
      .meta({ description: 'how long a container may take until it serves', value: 'seconds' }),
  }),
  output: z.object({
    service: z.string(),
    containers: z.array(
      z.object({ name: z.string(), state: z.string(), health: z.string(), startedAt: z.string().optional() }),
    ),
  }),
  plan: async (input, context) =>
    planRestart(await meant(input.name, context), {
      service: input.name,
      graceSeconds: input.graceSeconds,
      healthyWithinMs: input.healthyWithin * 1000,
    }),
  report: async (input, context) => {
    const found = await meant(input.name, context);
    return {
      service: input.name,
      containers: found.map(({ name, state, health, startedAt }) => ({
        name,
        state,
        health,
        ...(startedAt === undefined ? {} : { startedAt }),
      })),
    };
  },
  text: (data, style) =>
    data.containers
      .map((one) => `${style.good('✓')} ${one.name} ${one.state}${one.health === 'none' ? '' : `, ${one.health}`}`)
      .join('\n'),
});

/** The containers that a name means. @throws NOT_FOUND; UNSAFE for one of another platform, which this lock does not protect */
async function meant(name: string, { platform, readers: { engine } }: Context): Promise<ContainerDetail[]> {
  const found = containersNamed(name, platform, await engine.containers());
  const foreign = found.find((one) => one.project !== undefined && !isOfPlatform(one, platform.compose.project));
  if (foreign !== undefined) {
    throw new OpsError(
      'UNSAFE',
      `${foreign.name} belongs to compose project ${foreign.project ?? ''}, not to ${platform.compose.project}`,
      {
        hint: 'Choose the environment that it belongs to: opsctl --environment <name> service restart <service>',
      },
    );
  }
  return await Promise.all(found.map(({ id }) => engine.container(id)));
}
