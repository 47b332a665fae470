/** Levels on one scale, whatever the logger calls them. */
export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type Level = (typeof LEVELS)[number];

/** A structured line, understood. */
export interface LogEntry {
  level?: Level;
  message: string;
  /** What is neither time, level nor message, in the order of the line. */
  fields: [key: string, value: string][];
  /** HTTP status of an access log. */
  status?: number;
}

const TIME_KEYS = new Set(['time', 'timestamp', 'ts', '@timestamp', 'datetime', 't']);
const LEVEL_KEYS = ['level', 'severity', 'lvl', 'loglevel', 'log.level'];
const MESSAGE_KEYS = ['message', 'msg', 'event'];
const METHOD_KEYS = ['method', 'request_method'];
const PATH_KEYS = ['uri', 'url', 'path', 'request_uri'];
const STATUS_KEYS = ['status', 'statusCode', 'status_code'];
/** Longer lines are shown as they are: reading them as JSON would cost more than it tells. */
const LONGEST_JSON = 65_536;

/** Reads a line that is a JSON object; undefined for any other text. */
export function entryOf(text: string): LogEntry | undefined {
  const object = objectOf(text);
  if (object === undefined) return undefined;
  const used = new Set<string>();
  const take = (keys: readonly string[]): unknown => {
    const key = keys.find((candidate) => isScalar(object[candidate]));
    if (key === undefined) return undefined;
    used.add(key);
    return object[key];
  };
  const level = levelOf(take(LEVEL_KEYS));
  const message = take(MESSAGE_KEYS);
  const status = statusOf(object);
  const request = [METHOD_KEYS, PATH_KEYS].map((keys) => keys.find((key) => typeof object[key] === 'string'));
  const parts = [message === undefined ? '' : text1(message)];
  if (status !== undefined && request.every((key) => key !== undefined)) {
    for (const key of request) used.add(key);
    for (const key of STATUS_KEYS) used.add(key);
    parts.push(...request.map((key) => text1(object[key])), status.toString());
  }
  const fields = Object.entries(object)
    .filter(([key]) => !used.has(key) && !(TIME_KEYS.has(key) && isScalar(object[key])))
    .map(([key, value]): [string, string] => [key, text1(value)]);
  return {
    ...(level === undefined ? {} : { level }),
    message: parts.filter((part) => part !== '').join(' '),
    fields,
    ...(status === undefined ? {} : { status }),
  };
}

function objectOf(text: string): Record<string, unknown> | undefined {
  const trimmed = text.trim();
  if (!trimmed.startsWith('{') || !trimmed.endsWith('}') || trimmed.length > LONGEST_JSON) return undefined;
  try {
    return JSON.parse(trimmed) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

const isScalar = (value: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof value);

const text1 = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));

function statusOf(object: Record<string, unknown>): number | undefined {
  const key = STATUS_KEYS.find((candidate) => object[candidate] !== undefined);
  const status = key === undefined ? Number.NaN : Number(object[key]);
  return Number.isInteger(status) && status >= 100 && status <= 599 ? status : undefined;
}

/** A logger's own name or number for a level; numbers as pino and bunyan have them (10 trace … 60 fatal). */
export function levelOf(value: unknown): Level | undefined {
  if (typeof value === 'number') return value >= 10 ? LEVELS[Math.min(6, Math.floor(value / 10)) - 1] : undefined;
  if (typeof value !== 'string') return undefined;
  const word = value.toLowerCase();
  if (/^(?:fatal|panic|dpanic|emerg|emergency|alert|crit|critical)$/.test(word)) return 'fatal';
  if (/^(?:error|err|severe)$/.test(word)) return 'error';
  if (/^(?:warn|warning)$/.test(word)) return 'warn';
  if (/^(?:info|information|notice|log)$/.test(word)) return 'info';
  if (/^(?:debug|verbose|fine)$/.test(word)) return 'debug';
  return /^(?:trace|silly|finest)$/.test(word) ? 'trace' : undefined;
}
