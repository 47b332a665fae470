import type { Context } from '../../core/command.ts';
import { OpsError } from '../../core/errors.ts';
import type { Platform } from '../../core/platform.ts';
import type { Readers } from '../../core/ports.ts';
import { observeUsage } from '../../inspect/stats.ts';
import { golden, type Saturations } from '../../metrics/golden.ts';
import { observeTraffic, valuesByService } from '../../core/traffic.ts';
import { reportCommand } from './shared.ts';

export default reportCommand(
  golden,
  {
    summary: 'The golden signals of each service: requests, errors, latency, saturation',
    description:
      'Asks the queries under prometheus.queries. Saturation is prometheus.queries.saturation where that is set, else the memory of the containers against their limit. Thresholds: errorShare, p95Ms, saturation, containerMemory.',
    examples: [
      { command: 'opsctl metrics golden', explains: 'how each service does' },
      { command: 'opsctl metrics golden --json --fail-on warn', explains: 'after a deploy, in a script' },
    ],
  },
  async (context) => {
    const { platform, readers } = context;
    const [traffic, saturation] = await Promise.all([observeTraffic(platform, readers.metrics), saturations(context)]);
    return { traffic, saturation };
  },
);

async function saturations({ platform, readers }: Context): Promise<Saturations> {
  const query = platform.prometheus?.queries.saturation;
  return query === undefined
    ? await memoryShares(platform, readers)
    : { of: 'query', shares: await valuesByService(platform, readers.metrics, query) };
}

/** The fullest container of each service. What the engine cannot tell takes nothing from what Prometheus does. */
async function memoryShares(platform: Platform, readers: Readers): Promise<Saturations> {
  try {
    const { containers } = await observeUsage([], platform, readers);
    const shares = Object.entries(platform.services).flatMap(([key, { service }]): [string, number[]][] => {
      const own = containers.flatMap((one) =>
        (one.service === key || one.service === service) && one.memoryLimit !== undefined
          ? [one.memory / one.memoryLimit]
          : [],
      );
      return own.length === 0 ? [] : [[key, [Math.max(...own)]]];
    });
    return { of: 'memory', shares: new Map(shares) };
  } catch (thrown) {
    if (!(thrown instanceof OpsError)) throw thrown;
    return { of: 'memory', shares: new Map(), unseen: thrown.message };
  }
}
