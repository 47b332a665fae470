import * as z from 'zod';

import { type Context, readCommand } from '../core/command.ts';
import { OpsError } from '../core/errors.ts';
import { plural } from '../core/format.ts';
import type { Container } from '../core/ports/engine.ts';
import { labelsOf } from '../inspect/containers.ts';
import { followLogs } from '../inspect/log-follow.ts';
import { ERROR_RULE } from '../inspect/log-errors.ts';
import { lastLines, mergeByTime } from '../inspect/log-merge.ts';
import { pointInTime } from '../inspect/log-times.ts';
import { filterFor, logLineSchema, shownLine } from '../inspect/logs.ts';
import { containersNamed } from '../inspect/names.ts';
import { lineText, noticeText } from './logs/line.ts';

const input = z.object({
  service: z.string().meta({ description: 'service or container', positional: true, completes: 'service' }),
  tail: z.number().int().min(0).max(10_000).default(100).meta({
    description: 'the last so many lines, of those that --grep and --errors leave',
    short: 'n',
    value: 'lines',
  }),
  since: z.string().optional().meta({ description: '10m, 2h, 1h30m, 2d, or an ISO time', value: 'time' }),
  until: z.string().optional().meta({ description: 'as --since', value: 'time' }),
  follow: z.boolean().default(false).meta({ description: 'go on until Ctrl-C', short: 'f' }),
  grep: z
    .string()
    .optional()
    .meta({ description: 'only lines that match this regular expression', short: 'g', value: 'pattern' }),
  ignoreCase: z.boolean().default(false).meta({ description: 'of --grep', short: 'i' }),
  errors: z.boolean().default(false).meta({ description: 'only lines that tell of errors (see above)' }),
  raw: z.boolean().default(false).meta({ description: 'lines as the containers wrote them, without time and name' }),
});
type Input = z.infer<typeof input>;

const output = z.object({
  containers: z.array(z.string()).describe('names of the containers whose logs were read'),
  lines: z.array(logLineSchema).describe('in order of time'),
  scanned: z.number().describe('lines read'),
  matched: z.number().describe('lines that --grep and --errors left; more than shown when --tail cut them'),
  searchedFrom: z
    .string()
    .optional()
    .describe('present when a search did not reach the beginning of the logs: the earliest line read'),
  cut: z.boolean().describe('true when lines are missing because they would have taken too much memory'),
});

const event = z.discriminatedUnion('type', [
  logLineSchema.extend({
    type: z.literal('line'),
    of: z.number().describe('containers followed so far; text names them when there are several'),
  }),
  z.object({
    type: z.literal('notice'),
    at: z.string(),
    container: z.string(),
    text: z.string().describe('what happened to a container: stopped, started again, appeared, was removed'),
  }),
]);

/** A search without --since looks at so many lines of each container at most: some logs have millions. */
const SEARCHED_LINES = 100_000;

export default readCommand({
  name: 'logs',
  summary: 'Logs of a service, replicas merged in order of time, JSON made readable',
  description: `${ERROR_RULE}\n\nA search (--grep, --errors) without --since looks at the last ${SEARCHED_LINES / 1000},000 lines of each container. A pattern runs under a deadline, on the first 16,384 characters of a line.`,
  examples: [
    { command: 'opsctl logs api', explains: 'the last 100 lines of all replicas' },
    { command: 'opsctl logs api --errors --since 1h', explains: 'the errors of the last hour' },
    { command: "opsctl logs nginx --follow --grep ' 50[234] '", explains: 'new lines that match, until Ctrl-C' },
    { command: "opsctl logs api --grep 'authentication failed' --json", explains: 'failed logins as data' },
  ],
  input,
  output,
  run: async (typed, { platform, readers, now, signal }) => {
    const { engine } = readers;
    const filter = filterFor(typed);
    const containers = containersNamed(typed.service, platform, await engine.containers());
    const searches = typed.grep !== undefined || typed.errors;
    const { since, until } = span(typed, now());
    // Without a filter the engine need not send more than can be shown.
    const tail = searches ? (since === undefined ? SEARCHED_LINES : undefined) : typed.tail;
    const query = { ...(tail === undefined ? {} : { tail }), ...times(since, until), signal };
    let earliest: string | undefined;
    const sources = containers.map(({ id }) => watched(engine.logs(id, query), tail, (at) => (earliest ??= at)));
    const { lines, ...rest } = await lastLines(mergeByTime(sources), typed.tail, filter);
    const labels = labelsOf(containers);
    return {
      containers: containers.map(({ name }) => name),
      lines: lines.map((line) => shownLine(line, nameOf(line.container, containers), labels.get(line.container) ?? '')),
      ...rest,
      ...(searches && earliest !== undefined ? { searchedFrom: earliest } : {}),
    };
  },
  text: ({ lines, containers, scanned, matched, searchedFrom, cut }, style, { raw, service, grep, errors, tail }) => {
    const several = containers.length > 1;
    const shown = lines.map((line) => (raw ? line.text : lineText(line, several, style)));
    const remarks: string[] = [];
    if (lines.length === 0 && tail > 0) {
      const what = grep !== undefined || errors ? 'no such line' : 'no lines';
      remarks.push(
        `${what} in the logs of ${service} (${plural(containers.length, 'container')}, ${plural(scanned, 'line')} read)`,
      );
    }
    if (matched > lines.length && (grep !== undefined || errors))
      remarks.push(
        `${plural(matched - lines.length, 'earlier match', 'earlier matches')} left out; show more with --tail`,
      );
    if (searchedFrom !== undefined) remarks.push(`searched from ${searchedFrom} on; search further back with --since`);
    if (cut) remarks.push('earlier lines left out: they are too long to be held in memory; narrow down with --since');
    // Raw lines may feed another program: nothing is mixed in.
    return [...shown, ...(raw ? [] : remarks.map((remark) => style.dim(`-- ${remark}`)))].join('\n');
  },
  stream: {
    when: ({ follow }) => follow,
    event,
    run: (typed, context) => follow(typed, context),
    line: (one, style, { raw }) => {
      if (one.type === 'notice') return raw ? '' : noticeText(one, style);
      return raw ? one.text : lineText(one, one.of > 1, style);
    },
  },
});

async function* follow(
  typed: Input,
  { platform, readers, signal, now }: Context,
): AsyncIterable<z.infer<typeof event>> {
  if (typed.until !== undefined) {
    throw new OpsError('USAGE', '--until and --follow exclude each other', { hint: 'Leave one of them out.' });
  }
  const { engine } = readers;
  const filter = filterFor(typed);
  const known = new Map<string, Container>();
  let labels = new Map<string, string>();
  const list = async (): Promise<Container[]> => {
    let containers: Container[] = [];
    try {
      containers = containersNamed(typed.service, platform, await engine.containers());
    } catch (thrown) {
      // All replicas are gone for the moment, as in the middle of a deploy: the next look finds the new ones.
      if (known.size === 0 || !(thrown instanceof OpsError && thrown.code === 'NOT_FOUND')) throw thrown;
    }
    for (const container of containers) known.set(container.id, container);
    labels = labelsOf([...known.values()]);
    return containers;
  };
  const { since } = span(typed, now());
  for await (const followed of followLogs({ engine, list, tail: typed.tail, since, signal })) {
    if ('notice' in followed) {
      yield { type: 'notice', at: now().toISOString(), container: followed.container, text: followed.notice };
      continue;
    }
    for (const line of filter(followed.lines)) {
      const name = known.get(line.container)?.name ?? line.container;
      yield { type: 'line', of: known.size, ...shownLine(line, name, labels.get(line.container) ?? name) };
    }
  }
}

function span({ since, until }: Input, now: Date): { since: string | undefined; until: string | undefined } {
  const from = since === undefined ? undefined : pointInTime(since, now, '--since');
  const to = until === undefined ? undefined : pointInTime(until, now, '--until');
  if (from !== undefined && to !== undefined && from >= to) {
    throw new OpsError('USAGE', `--since ${since ?? ''} is not before --until ${until ?? ''}`, {
      hint: 'Exchange them.',
    });
  }
  return { since: from, until: to };
}

const times = (since: string | undefined, until: string | undefined): { since?: string; until?: string } => ({
  ...(since === undefined ? {} : { since }),
  ...(until === undefined ? {} : { until }),
});

const nameOf = (id: string, containers: readonly Container[]): string =>
  containers.find((container) => container.id === id)?.name ?? id;

/** Passes lines on and, when as many came as were asked for, tells where the log was cut off. */
async function* watched<T extends { at: string }>(
  lines: AsyncIterable<T>,
  limit: number | undefined,
  wasCut: (at: string) => void,
): AsyncGenerator<T> {
  let count = 0;
  let first: string | undefined;
  for await (const line of lines) {
    first ??= line.at;
    count += 1;
    yield line;
  }
  if (limit !== undefined && count >= limit && first !== undefined) wasCut(first);
}
