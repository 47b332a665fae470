import type { OpsError } from '../core/errors.ts';
import { publishable, showable } from '../core/text.ts';
import type { Style } from '../core/style.ts';

/** What `--json` prints, exactly once, on success and on failure. */
export interface Envelope {
  /** `opsctl/<command>/v1`; a change that is not additive raises the number. */
  schema: string;
  ok: boolean;
  environment: string | null;
  data?: unknown;
  error?: { code: string; message: string; exit: number; hint?: string; details?: Record<string, unknown> };
  plan?: unknown;
  /** What of a change that was done was not done, a line each. */
  left?: string[];
  dryRun?: true;
  cost?: { durationMs: number; calls: Record<string, number> };
}

/** The schema name of a command's document. */
export const schemaOf = (command: string): string => `opsctl/${command.replaceAll(' ', '.')}/v1`;

/** The schema name of the lines that a command prints as they happen. */
export const eventSchemaOf = (command: string): string => `${schemaOf(command)}/event`;

/** An error as data. */
export function errorData(error: OpsError): NonNullable<Envelope['error']> {
  return {
    code: error.code,
    message: error.message,
    exit: error.exit,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.details === undefined ? {} : { details: error.details }),
  };
}

/** One JSON document, secrets redacted. Numbers JSON cannot hold become null. */
export const jsonText = (value: unknown, indent?: number): string =>
  `${JSON.stringify(publishable(JSON.parse(JSON.stringify(value)) as unknown), null, indent).replace(OBEYED, escaped)}\n`;

/** What JSON lets pass and a terminal would obey: DEL, C1 controls, bidirectional overrides. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const OBEYED = /[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** An error for people: what happened, the details that help, the next command; the stack only for --debug. */
export function errorText(error: OpsError, style: Style, debug: boolean, isTerminal = false): string {
  const safe = showable({ message: error.message, hint: error.hint ?? '', details: detailLines(error.details) });
  // Whoever reads a pipe has lines of their own, and looks for words in them.
  const lines = [`${style.bad('error')}: ${isTerminal ? style.wrap(safe.message, 7) : safe.message}`];
  for (const line of safe.details.slice(0, 60)) lines.push(`  ${line}`);
  if (safe.hint !== '') lines.push(`${style.bold('next')}: ${style.wrap(safe.hint, 6)}`);
  if (debug) {
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
      lines.push(style.dim(showable(cause.stack ?? String(cause))));
  }
  return `${lines.join('\n')}\n`;
}

/** What is known of something, a line a fact. */
export function detailLines(details: Record<string, unknown> | undefined): string[] {
  return Object.entries(details ?? {}).flatMap(([key, value]) => {
    if (Array.isArray(value)) return value.map((item) => `- ${oneLine(item)}`);
    if (typeof value === 'string' && value.includes('\n'))
      return [`${key}:`, ...value.split('\n').map((line) => `  ${line}`)];
    const judged = judgements(value);
    if (judged !== undefined) return [`${key}:`, ...judged.map((line) => `  ${line}`)];
    return value === undefined ? [] : [`${key}: ${oneLine(value)}`];
  });
}

/** What several rules say of something, a line each: a reason has the numbers that people want, `--json` has all. */
function judgements(value: unknown): string[] | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  const lines = Object.entries(value).flatMap(([name, one]: [string, unknown]) =>
    one !== null && typeof one === 'object' && 'verdict' in one && 'reason' in one
      ? [`${name}: ${String(one.verdict)}: ${String(one.reason)}`]
      : [],
  );
  return lines.length > 0 && lines.length === Object.keys(value).length ? lines : undefined;
}

function oneLine(value: unknown): string {
  if (value !== null && typeof value === 'object') {
    return Object.entries(value)
      .map(([key, inner]) => `${key}: ${typeof inner === 'object' ? JSON.stringify(inner) : String(inner)}`)
      .join(', ');
  }
  return String(value);
}
