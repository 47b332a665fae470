import { connections } from '../../db/connections.ts';
import { reportCommand } from './shared.ts';

export default reportCommand(connections, {
  summary: 'How many connections to the database are taken, by which application and role',
  description:
    'The limit is what ordinary roles can use: max_connections less the reserved slots. Threshold: databaseConnections.',
  examples: [
    { command: 'opsctl db connections', explains: 'use against the limit, and whose they are' },
    { command: 'opsctl db connections --fail-on warn --json', explains: 'for a script that watches them' },
  ],
});
