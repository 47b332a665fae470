import { STATUSES } from '../core/verdict.ts';
import type { Health } from './observe.ts';

/**
 * Health in Prometheus's text format, for the textfile collector of the node exporter. Statuses are numbers in
 * the order of the scale: 0 ok, 1 skipped, 2 warn, 3 unknown, 4 crit.
 */
export function exposition(health: Health, nowMs: number): string {
  const labels = (check: Health['checks'][number]): string =>
    `{check="${escape(check.id)}",component="${escape(check.component)}"}`;
  const metric = (name: string, help: string, lines: string[]): string[] => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} gauge`,
    ...lines,
  ];
  return `${[
    ...metric(
      'opsctl_health_status',
      'Status of a check: 0 ok, 1 skipped, 2 warn, 3 unknown, 4 crit.',
      health.checks.map((check) => `opsctl_health_status${labels(check)} ${STATUSES.indexOf(check.status).toString()}`),
    ),
    ...metric(
      'opsctl_health_value',
      'What a check measured, in the unit of its label.',
      health.checks.flatMap((check) =>
        check.value === undefined
          ? []
          : [
              `opsctl_health_value{check="${escape(check.id)}",component="${escape(check.component)}",unit="${escape(check.unit ?? '')}"} ${check.value.toString()}`,
            ],
      ),
    ),
    ...metric(
      'opsctl_health_duration_seconds',
      'How long a check took.',
      health.checks.map(
        (check) => `opsctl_health_duration_seconds${labels(check)} ${(check.durationMs / 1000).toString()}`,
      ),
    ),
    ...metric('opsctl_health_overall', 'The worst status of all checks.', [
      `opsctl_health_overall ${STATUSES.indexOf(health.status).toString()}`,
    ]),
    ...metric('opsctl_health_timestamp_seconds', 'When the checks ran, Unix time.', [
      `opsctl_health_timestamp_seconds ${(nowMs / 1000).toFixed(3)}`,
    ]),
  ].join('\n')}\n`;
}

const escape = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
