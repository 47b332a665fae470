import { redact } from './secret.ts';

/* What a terminal would obey: CSI sequences, strings that end with BEL or ST (OSC, DCS, SOS, PM, APC), other
   escapes, C0 and C1 controls, and the bidirectional overrides that make text read differently from what it says.
   Every part is bounded: a text of nothing but openings must not take quadratic time. */
const SEQUENCES =
  // oxlint-disable-next-line no-control-regex -- matching control characters is the purpose
  /(?:\u001b\[|\u009b)[0-?]{0,64}[ -/]{0,16}[@-~]|(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c]{0,2048}(?:\u0007|\u001b\\|\u009c)|\u001b[ -/]{0,16}[0-~]/g;
// oxlint-disable-next-line no-control-regex -- as above
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

// oxlint-disable-next-line no-control-regex -- as above
const CONTROLS_PRESENT = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

/** Text from outside, made safe to show: control sequences removed, tabs and line feeds kept. */
export function sanitize(text: string): string {
  return CONTROLS_PRESENT.test(text) ? text.replace(SEQUENCES, '').replace(CONTROLS, '') : text;
}

/** Applies a function to every string of a JSON-like value, keys included. Non-plain objects pass unchanged. */
export function mapStrings<T>(value: T, change: (text: string) => string): T {
  if (typeof value === 'string') return change(value) as T;
  if (Array.isArray(value)) return value.map((item: unknown) => mapStrings(item, change)) as T;
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [change(key), mapStrings(item, change)])) as T;
  }
  return value;
}

/** Data as it may be published: no secrets. */
export const publishable = <T>(data: T): T => mapStrings(data, redact);

/** Data as it may be shown on a terminal: no secrets, nothing a terminal would obey. */
export const showable = <T>(data: T): T => mapStrings(data, (text) => sanitize(redact(text)));

/** In one line, as in a cell of a table: white space of any kind and length is a space. */
export const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ');

/**
 * Order of names: runs of digits by their value (`api-2` before `api-10`), all else by code units. Not by a language's
 * rules: the first comparison by those loads tables for 13 ms, a thirtieth of all that `health --detailed` takes.
 */
export function compareNames(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)];
  for (const [index, mine] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    if (mine === other) continue;
    const difference = Number(mine) - Number(other);
    if (difference !== 0 && !Number.isNaN(difference)) return difference;
    return mine < other ? -1 : 1;
  }
  return left.length - right.length;
}

const parts = (name: string): string[] => name.match(/\d+|\D+/g) ?? [];
