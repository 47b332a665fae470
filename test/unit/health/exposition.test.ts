import { expect, it } from 'vitest';

import { exposition } from '../../../src/health/exposition.ts';

it('must write one sample a check, hostile names escaped, as the text format says', () => {
  const text = exposition(
    {
      status: 'crit',
      checks: [
        {
          id: 'disk',
          component: 'host',
          status: 'ok',
          reason: '',
          value: 0.25,
          unit: 'share',
          next: [],
          durationMs: 12,
        },
        { id: 'container:a"b\\c\nd', component: 'containers', status: 'crit', reason: '', next: [], durationMs: 3 },
      ],
    },
    1_700_000_000_123,
  );
  expect(text.split('\n').filter((line) => !line.startsWith('#'))).toMatchInlineSnapshot(`
    [
      "opsctl_health_status{check="disk",component="host"} 0",
      "opsctl_health_status{check="container:a\\"b\\\\c\\nd",component="containers"} 4",
      "opsctl_health_value{check="disk",component="host",unit="share"} 0.25",
      "opsctl_health_duration_seconds{check="disk",component="host"} 0.012",
      "opsctl_health_duration_seconds{check="container:a\\"b\\\\c\\nd",component="containers"} 0.003",
      "opsctl_health_overall 4",
      "opsctl_health_timestamp_seconds 1700000000.123",
      "",
    ]
  `);
});
