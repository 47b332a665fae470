/** Values of rows as the driver gives them. What is not of the kind that was asked for was not told: undefined, never 0. */

export type Row = Record<string, unknown>;

export const figure = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
export const text = (value: unknown): string => (typeof value === 'string' ? value : '');
/** An age in ms: taken one after the other, ages may come out a moment below 0. */
export const age = (value: unknown): number | undefined => (typeof value === 'number' ? Math.max(0, value) : undefined);
/** An array of process ids. */
export const pids = (value: unknown): number[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'number') : [];
/** A point in time from ms since 1970; undefined for what is none. */
export const isoTime = (ms: unknown): string | undefined =>
  typeof ms === 'number' && Number.isFinite(ms) ? new Date(ms).toISOString() : undefined;
/** "17.5 (Debian 17.5-1)": the packager's part says nothing to an operator. */
export const shortVersion = (value: unknown): string => text(value).split(' ')[0] ?? '';

/** The same without the fields that are undefined, so that what was not told is absent. */
export function told<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** What a password is called, as a word of SQL, in a connection string, as a key of JSON or as a column. */
const CALLED = String.raw`(?:password|passwd|passphrase|pwd)`;
/** A literal, also one that is cut off; inside of another literal its quotes are doubled. */
const LITERAL = String.raw`''[^']*(?:''|'?$)|(?:[EUN]&?)?'(?:[^']|'')*(?:'|$)|\$(?<tag>\w*)\$[^]*?(?:\$\k<tag>\$|$)`;
/** What stands between a name and its value: nothing in SQL, else a sign; a comma behind a name in quotes. */
const SIGN = String.raw`\\*["']?\s*(?:=>|:=|=|:(?!:))\s*|'\s*,\s*`;
/** A value without quotes of SQL; `$1` is none, but where one will be. */
const BARE = String.raw`\\*"(?:[^"\\]|\\.)*(?:"|$)|(?!\$\d)[^\s'";,()]+`;
const PASSWORDS = new RegExp(
  `(?<name>${CALLED})(?:(?<sign>${SIGN})(?:${LITERAL}|${BARE})|(?<space>\\s*)(?:${LITERAL.replaceAll('tag', 'mark')}))`,
  'gi',
);

/**
 * `ALTER ROLE … PASSWORD '…'` is a query like any other to pg_stat_activity, and so is a connection string of
 * dblink or of a subscription, inside a literal (`''…''`) or bare (`password=…`), and a document with a password in it.
 * Rather too much is masked than too little.
 */
export const withoutPasswords = (query: string): string =>
  query.replace(PASSWORDS, "$<name>$<sign>$<space>'[redacted]'");
