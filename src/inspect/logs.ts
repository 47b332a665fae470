import * as z from 'zod';

import type { LogLine } from '../core/ports/engine.ts';
import { entryOf, LEVELS, type LogEntry } from './log-entry.ts';
import { isError } from './log-errors.ts';
import { BATCH, matcherFor } from './log-grep.ts';
import type { LineFilter } from './log-merge.ts';

/** A line of a container's log, as `logs --json` gives it. */
export const logLineSchema = z
  .object({
    at: z.string().describe('when the engine received the line, ISO 8601 with nanoseconds'),
    container: z.string().describe('name of the container'),
    label: z.string().describe('the service while one container is shown of it, else the name of the container'),
    stream: z.enum(['stdout', 'stderr']),
    text: z.string().describe('the line as the container wrote it'),
    level: z.enum(LEVELS).optional().describe('of a JSON line'),
    message: z.string().optional().describe('of a JSON line; of an access log: method, path and status'),
    fields: z
      .array(z.tuple([z.string(), z.string()]))
      .optional()
      .describe('the rest of a JSON line, in its order'),
    error: z.boolean().describe('true for what --errors would show'),
  })
  .meta({ id: 'LogLine' });
export type ShownLine = z.infer<typeof logLineSchema>;

/** A line, understood and named. */
export function shownLine(line: LogLine, name: string, label: string): ShownLine {
  const entry = entryOf(line.text);
  return {
    at: line.at,
    container: name,
    label,
    stream: line.stream,
    text: line.text,
    ...partsOf(entry),
    error: isError(line, entry),
  };
}

function partsOf(entry: LogEntry | undefined): Pick<ShownLine, 'level' | 'message' | 'fields'> {
  if (entry === undefined) return {};
  const { level, message, fields } = entry;
  return { ...(level === undefined ? {} : { level }), message, fields };
}

/** What narrows the lines down. */
export interface Wanted {
  grep?: string | undefined;
  ignoreCase: boolean;
  errors: boolean;
}

/** The lines that match the pattern and, when asked for, are errors. @throws USAGE for a bad pattern */
export function filterFor({ grep, ignoreCase, errors }: Wanted): LineFilter {
  const matches = grep === undefined ? undefined : matcherFor(grep, ignoreCase);
  return (lines) => {
    const found = matches === undefined ? [...lines] : inBatches(lines, matches);
    return errors ? found.filter((line) => isError(line, entryOf(line.text))) : found;
  };
}

function inBatches(lines: readonly LogLine[], matches: (texts: readonly string[]) => boolean[]): LogLine[] {
  const found: LogLine[] = [];
  for (let start = 0; start < lines.length; start += BATCH) {
    const batch = lines.slice(start, start + BATCH);
    const wanted = matches(batch.map(({ text }) => text));
    found.push(...batch.filter((_line, index) => wanted[index]));
  }
  return found;
}
