/** Series and their values as data and as text. */
import * as z from 'zod';

/** What is no number in JSON is null, and `special` says what it was. */
export const valueSchema = {
  value: z.number().nullable().describe('null for what is no finite number'),
  special: z.enum(['NaN', '+Inf', '-Inf']).optional().describe('what the value is where it is no finite number'),
};
export type Value = z.infer<z.ZodObject<typeof valueSchema>>;

export const labelsSchema = z.record(z.string(), z.string()).describe('its name is `__name__`');

export const valueOf = (value: number): Value =>
  Number.isFinite(value)
    ? { value }
    : { value: null, special: Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf' };

/** Six significant digits: a float has more, nobody reads them. */
export const valueText = ({ value, special }: Value): string =>
  value === null ? (special ?? '-') : Number(value.toPrecision(6)).toString();

/** A series as PromQL writes it, without some of its labels: `up{job="api"}`. */
export function seriesText(labels: Readonly<Record<string, string>>, without: ReadonlySet<string> = new Set()): string {
  const name = without.has('__name__') ? '' : (labels['__name__'] ?? '');
  const rest = Object.entries(labels)
    .filter(([label]) => label !== '__name__' && !without.has(label))
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return rest.length === 0 ? name || '{}' : `${name}{${rest.join(', ')}}`;
}

/** Labels that all of several series have, with the same value: in a table they would hide what tells the series apart. */
export function common(all: readonly Readonly<Record<string, string>>[]): Record<string, string> {
  const [first, ...others] = all;
  if (first === undefined || others.length === 0) return {};
  return Object.fromEntries(
    Object.entries(first).filter(([label, value]) => others.every((labels) => labels[label] === value)),
  );
}
