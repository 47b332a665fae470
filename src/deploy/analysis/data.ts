import * as z from 'zod';

/** What is said of a canary. `inconclusive` is no "no": the step goes on, and is held when it may go on no longer. */
const verdictSchema = z.enum(['pass', 'fail', 'inconclusive']).meta({ id: 'CanaryVerdict' });

const reason = z.string().describe('one line: what was seen, and what follows');
const share = z.number().describe('0 to 1');
const p = z.number().describe('how probable such a difference, or a greater one, is by chance alone: 0 to 1');
const level = z.number().describe('p below it is no chance; the allowance of this look alone');

const countsSchema = z.object({
  requests: z.int().min(0),
  errors: z.int().min(0),
  share: share.describe('errors of requests, 0 to 1'),
});

const samplesSchema = z.object({
  verdict: verdictSchema.exclude(['fail']),
  reason,
  stable: z.int().min(0).describe('requests'),
  canary: z.int().min(0).describe('requests'),
  needed: z.int().describe('requests of each version, without which nothing passes'),
});

const errorsSchema = z.object({
  verdict: verdictSchema,
  reason,
  stable: countsSchema,
  canary: countsSchema,
  differencePoints: z.number().optional().describe('share of the canary minus that of stable, in percentage points'),
  atMostPoints: z.number().optional().describe('the true difference is below this with 95 %, in percentage points'),
  marginPoints: z.number().describe('passes only when atMostPoints is below it'),
  failPoints: z.number().describe('fails only from this difference on, in percentage points'),
  p: p.optional(),
  level,
});

const hardAbortSchema = z.object({
  verdict: z.enum(['pass', 'fail', 'skipped']).describe('skipped: the first requests are over'),
  reason,
  errors: z.int().min(0).describe('of the canary'),
  requests: z.int().min(0).describe('of the canary'),
  atErrors: z.int().describe('fails from so many errors on'),
  withinRequests: z.int().describe('within so many requests'),
  timesStable: z.number().describe('and from so many times the share of stable on'),
});

const p95 = z.number().optional().describe('milliseconds that 95 % of its requests did not exceed');

const latencySchema = z.object({
  verdict: z.enum(['pass', 'fail', 'inconclusive', 'skipped']).describe('skipped: nobody measured'),
  reason,
  stableP95Ms: p95,
  canaryP95Ms: p95,
  stableSamples: z.int().min(0),
  canarySamples: z.int().min(0),
  ratio: z.number().optional().describe('p95 of the canary to that of stable; absent where that is 0'),
  differenceMs: z.number().optional(),
  failRatio: z.number().describe('fails only above this ratio'),
  failMs: z.number().describe('and above this difference, in milliseconds'),
  p: p.optional().describe('how probable it is by chance alone that so many more of its requests are slow: 0 to 1'),
  level,
});

/** One look at a canary, with the numbers of each rule. */
export const analysisSchema = z
  .object({
    verdict: verdictSchema,
    reason,
    look: z.int().describe('which look at this canary, from 1; above planned in a step that lasts longer'),
    planned: z.int().describe('looks of the whole canary as planned, extensions included'),
    rules: z.object({
      samples: samplesSchema,
      errors: errorsSchema,
      latency: latencySchema,
      hardAbort: hardAbortSchema,
    }),
  })
  .meta({ id: 'CanaryAnalysis' });

export type Analysis = z.infer<typeof analysisSchema>;
export type Rules = Analysis['rules'];
