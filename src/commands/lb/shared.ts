import * as z from 'zod';

import type { Context } from '../../core/command.ts';
import type { Style } from '../../core/style.ts';
import { statusSchema, verdictSchema, worst } from '../../core/verdict.ts';
import { checkSetup } from '../../lb/check.ts';
import { observeForCheck } from '../../lb/observe.ts';
import { verdictsText } from '../verdicts.ts';

/** A field of every command that reloads nginx. */
export const withinField = z
  .number()
  .int()
  .min(1)
  .max(600)
  .default(30)
  .meta({ description: 'how long the workers may take to be replaced', value: 'seconds' });

/** Whether the load balancer is ready for deploys: what `lb check` shows, and `lb setup` when it is done. */
export const readinessSchema = z.object({
  status: statusSchema.describe('the worst of all'),
  findings: z.array(
    z.object({
      id: z.string(),
      about: z.string().describe('container of the load balancer, or service'),
      ...verdictSchema.shape,
    }),
  ),
});
export type Readiness = z.infer<typeof readinessSchema>;

export async function readiness({ platform, readers }: Context): Promise<Readiness> {
  const findings = checkSetup(await observeForCheck(platform, readers));
  return { status: worst(findings.map(({ status }) => status)), findings };
}

export const readinessText = ({ findings }: Readiness, style: Style): string =>
  verdictsText(
    findings.map((one) => ({ ...one, of: `${one.about} ${one.id}` })),
    'PART',
    style,
  );
