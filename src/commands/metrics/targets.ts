import { targets } from '../../metrics/targets.ts';
import { reportCommand } from './shared.ts';

export default reportCommand(
  targets,
  {
    summary: 'What Prometheus scrapes, and what it cannot and why',
    examples: [
      { command: 'opsctl metrics targets', explains: 'what is down first' },
      { command: 'opsctl metrics targets --fail-on warn', explains: 'exit 1 when any target is down' },
    ],
  },
  async ({ readers }) => ({ targets: await readers.metrics.targets() }),
);
