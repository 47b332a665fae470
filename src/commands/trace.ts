import * as z from 'zod';

import { readCommand } from '../core/command.ts';
import { bytes, duration, plural } from '../core/format.ts';
import type { Style } from '../core/style.ts';
import { observeTrace, type Phase, type Trace, traceSchema, traceTarget } from '../inspect/trace.ts';

const input = z.object({
  url: z.string().meta({
    description: 'a URL, a path on the load balancer, a service or a link',
    positional: true,
    completes: 'url',
  }),
  count: z.number().int().min(1).max(1000).default(10).meta({ description: 'requests, one after another', short: 'c' }),
  intervalMs: z.number().int().min(0).max(60_000).default(100).meta({ description: 'pause between two requests' }),
  timeoutMs: z.number().int().min(1).max(120_000).default(10_000).meta({ description: 'deadline of one request' }),
});

export default readCommand({
  name: 'trace',
  summary: 'Where the time of a request goes: DNS, connect, TLS, first byte, total',
  description:
    'Each request uses a fresh connection; redirects are not followed. Percentiles are by nearest rank: always a ' +
    'value that was measured, so with fewer than 20 requests p95 is the slowest. Exit code 6 when no request was answered.',
  examples: [
    { command: 'opsctl trace /api/health', explains: 'ten requests through the load balancer' },
    { command: 'opsctl trace api --count 50 --interval-ms 20', explains: 'the health URL of a service, more often' },
    { command: 'opsctl trace https://example.org/ --json', explains: 'any URL, as data' },
  ],
  input,
  output: traceSchema,
  run: ({ url, count, intervalMs, timeoutMs }, { platform, readers, signal }) =>
    observeTrace(readers.http, {
      url: traceTarget(url, platform),
      count,
      intervalMs,
      timeoutMs,
      tls: platform.tls,
      signal,
    }),
  text: (trace, style) => [headOf(trace, style), tableOf(trace, style), ...remarks(trace, style)].join('\n\n'),
});

const TITLES: Readonly<Record<Phase, string>> = {
  dns: 'DNS',
  connect: 'connect',
  tls: 'TLS',
  firstByte: 'first byte',
  download: 'download',
};

function headOf({ url, answered, sent, statuses, addresses, httpVersion, size }: Trace, style: Style): string {
  const codes = Object.entries(statuses).map(([status, count]) => {
    const text = `${status} × ${count.toString()}`;
    return Number(status) >= 500 ? style.bad(text) : Number(status) >= 400 ? style.notice(text) : text;
  });
  return style.pairs([
    ['url', style.bold(url)],
    ['answers', `${answered.toString()} of ${sent.toString()}: ${codes.join(', ')}`],
    ['from', `${addresses.join(', ')}, HTTP ${httpVersion}, ${bytes(size)}`],
  ]);
}

function tableOf({ phases, total }: Trace, style: Style): string {
  // 10 for the phase, three figures of about 8, and the gaps between.
  const room = Math.max(10, Math.min(40, style.width - 46));
  const sum = phases.reduce((all, { p50 }) => all + p50, 0);
  const columns = [
    { title: 'PHASE' },
    ...['P50', 'P95', 'MAX'].map((title) => ({ title, align: 'right' as const })),
    { title: 'AT THE MEDIAN' },
  ];
  let before = 0;
  const rows = phases.map(({ phase, p50, p95, max }) => {
    const row = [TITLES[phase], duration(p50), duration(p95), duration(max), bar(before, p50, sum, room)];
    before += p50;
    return row;
  });
  rows.push(['total', duration(total.p50), duration(total.p95), duration(total.max), '']);
  return style.table(columns, rows);
}

/** The phase as a piece of the whole: blanks for what was before, then blocks; never nothing. */
function bar(before: number, own: number, sum: number, room: number): string {
  if (sum <= 0) return '';
  const start = Math.min(room - 1, Math.floor((before / sum) * room));
  const end = Math.max(start + 1, Math.round(((before + own) / sum) * room));
  return ' '.repeat(start) + '█'.repeat(Math.min(end, room) - start);
}

function remarks({ errors, location, insecure }: Trace, style: Style): string[] {
  const lines = errors.map(
    ({ message, count }) => `${style.status('crit')}  ${plural(count, 'request')} not answered: ${message}`,
  );
  if (location !== undefined) {
    lines.push(`it redirects to ${location}`);
    // The server chose this text: it is offered as a command only where a shell would find nothing in it to obey.
    if (/^https?:\/\/[\w.~:/?#@=%+-]+$/.test(location))
      lines.push(style.suggest(`  opsctl trace ${location.includes('?') ? `'${location}'` : location}`));
  }
  if (insecure) lines.push('certificates were not verified: tls.insecure is set');
  return lines.length === 0 ? [] : [lines.join('\n')];
}
