import { clients } from '../../cache/clients.ts';
import { reportCommand } from './shared.ts';

export default reportCommand(clients, {
  summary: 'Who is connected to the cache, from where, and who holds memory or slows it',
  description: 'From CLIENT LIST. Thresholds: cacheClients, cacheOutputBytes.',
  examples: [
    { command: 'opsctl cache clients', explains: 'by address, name and user, the most first' },
    { command: 'opsctl cache clients --fail-on warn', explains: 'exit 1 when room gets short' },
  ],
});
