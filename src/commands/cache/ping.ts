import * as z from 'zod';

import { productText, serverSchema } from '../../cache/report.ts';
import { readCommand } from '../../core/command.ts';
import { duration } from '../../core/format.ts';
import { cacheFields, cacheNamed } from './shared.ts';

export default readCommand({
  name: 'cache ping',
  summary: 'Does the cache answer? If not, which of the reasons is it',
  description:
    'Told apart, each exit 6: it loads its data or has no room for another client (NOT_READY), it refuses the password (AUTH_FAILED), it does not answer in time (TIMED_OUT), nothing is there (UNREACHABLE).',
  examples: [
    { command: 'opsctl cache ping', explains: 'version, latency, how it is reached' },
    { command: 'opsctl cache ping --quiet', explains: 'for a script that waits: exit 0 when it does' },
  ],
  input: z.object({ cache: cacheFields.cache }),
  output: z.object({
    ...serverSchema,
    latencyMs: z.number().describe('of one PING'),
    route: z.string().describe('how it is reached'),
  }),
  run: async (input, { platform, readers }) => {
    const cache = cacheNamed(platform, input.cache);
    // The first one opens the connection.
    const { product, version, role } = await readers.cache.server(cache);
    const latencyMs = await readers.cache.ping(cache);
    return { cache, product, version, role, latencyMs, route: await readers.cache.route(cache) };
  },
  text: ({ latencyMs, role, route, ...server }, style) =>
    `${style.good('✓')} ${productText(server)}${role === 'slave' ? ', a replica,' : ''} answers in ${duration(latencyMs)}, reached by ${route}`,
});
