/** Series over a window: figures and a line each. */
import * as z from 'zod';

import type { Series, Window } from '../core/ports/metrics.ts';
import { labelsSchema, valueOf, valueSchema } from './series.ts';

export const trendSchema = z
  .object({
    labels: labelsSchema,
    min: z.number().nullable().describe('of the finite values; null without one'),
    max: z.number().nullable(),
    mean: z.number().nullable(),
    last: z.object({ at: z.string(), ...valueSchema }).optional(),
    points: z.array(z.object({ at: z.string(), ...valueSchema })).describe('times without a sample are left out'),
  })
  .meta({ id: 'MetricsTrend' });
export type Trend = z.infer<typeof trendSchema>;

export function trendOf({ labels, points }: Series): Trend {
  const finite = points.map(({ value }) => value).filter((value) => Number.isFinite(value));
  const of = (figure: number): number | null => (finite.length === 0 ? null : figure);
  const shown = points.map(({ at, value }) => ({ at, ...valueOf(value) }));
  const last = shown.at(-1);
  return {
    labels,
    min: of(Math.min(...finite)),
    max: of(Math.max(...finite)),
    mean: of(finite.reduce((sum, value) => sum + value / finite.length, 0)),
    ...(last === undefined ? {} : { last }),
    points: shown,
  };
}

/** The value at each step of the window; undefined where there is none. */
export function onSteps({ points }: Trend, { from, to, stepMs }: Window): (number | undefined)[] {
  const start = Date.parse(from);
  const values = Array.from<number | undefined>({ length: Math.floor((Date.parse(to) - start) / stepMs) + 1 });
  for (const { at, value } of points) values[Math.round((Date.parse(at) - start) / stepMs)] = value ?? undefined;
  return values;
}
