/** What the server answers, read without belief in its form. */

/** Arrays in an array, as SLOWLOG and LATENCY answer; what has another form is left out. */
export const asRows = (answer: unknown): readonly unknown[][] =>
  (Array.isArray(answer) ? answer : []).filter((row): row is unknown[] => Array.isArray(row));

export const textOf = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : Buffer.isBuffer(value)
      ? value.toString()
      : typeof value === 'number'
        ? value.toString()
        : '';

/** A number that is at least 0; else 0. */
export function numberOf(value: unknown): number {
  const number = typeof value === 'number' ? value : Number(textOf(value) || 0);
  return Number.isFinite(number) && number > 0 ? number : 0;
}
