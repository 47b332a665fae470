import { alerts } from '../../metrics/alerts.ts';
import { reportCommand } from './shared.ts';

export default reportCommand(
  alerts,
  {
    summary: 'Alerts that fire or are about to, by severity, and where to look',
    description:
      'An alert is critical when its rule gives it the severity critical, crit, page, emergency, p0 or p1; with none, info or informational it is shown and not counted; else it is a warning.',
    examples: [
      { command: 'opsctl metrics alerts', explains: 'what fires, the worst first' },
      {
        command: 'opsctl metrics alerts --fail-on warn --json',
        explains: 'for a script: exit 1 when any fires that counts',
      },
    ],
  },
  async ({ readers }) => ({ alerts: await readers.metrics.alerts() }),
);
