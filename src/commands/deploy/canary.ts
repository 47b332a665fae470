import * as z from 'zod';

import { changeCommand, type Context } from '../../core/command.ts';
import type { Plan } from '../../core/change.ts';
import { OpsError } from '../../core/errors.ts';
import { durationText } from '../../core/values.ts';
import { mustBeAsked } from '../../deploy/measure.ts';
import { observe } from '../../deploy/observe.ts';
import { acceptedRisks } from '../../deploy/one-way.ts';
import { planCanary, planCanaryRollback } from '../../deploy/plan-canary.ts';
import { mustNotBeCanary, pausedCanary, runningCanary } from '../../deploy/running-canary.ts';
import { walkOf } from '../../deploy/walk.ts';
import { deployedText } from './release-text.ts';
import { observeRelease, releaseFields, releaseSchema, requestOf, surroundingsOf } from './shared.ts';

const percent = z.number().int().min(1).max(99);

const input = z.object({
  version: releaseFields.version,
  rollback: z
    .boolean()
    .default(false)
    .meta({ description: 'take the canary back: all visitors get the stable version' }),
  service: releaseFields.service,
  initialTrafficPercent: percent
    .optional()
    .meta({ description: 'share of visitors that get it first; default: the first of --steps', value: 'percent' }),
  autoPromote: z
    .boolean()
    .default(false)
    .meta({ description: 'go through all steps by itself, as long as the new version is seen to be no worse' }),
  steps: z.string().default('5,25,50,100').meta({
    description: 'shares of visitors, one after the other; without --auto-promote the first one only',
    value: 'percents',
  }),
  stepDuration: durationText.default('2m').meta({
    description: 'how long each lasts at least; up to three times as long when it cannot be decided',
    value: 'time',
  }),
  noAnalysis: z
    .boolean()
    .default(false)
    .meta({ description: 'watch its containers only, not errors and latency in Prometheus' }),
  incompatibleMigration: releaseFields.incompatibleMigration,
  force: z.boolean().default(false).meta({
    description:
      'although memory is short, the load balancer lacks something, a variable would say a wrong version of another service or cannot be written, or a migration forbids the rollback: the stable version, which most visitors get, cannot work with it, nor once the canary is taken back',
  }),
});

export default changeCommand({
  name: 'deploy canary',
  summary: 'Give a new version to a share of visitors, compare it with the stable one, then more',
  description:
    'A visitor keeps the version that he got. Errors and latency of both versions are compared in the same window: a version that is seen to be worse is taken back, one that cannot be told is held (exit 6), and never promoted. Without --auto-promote it stays at its share until opsctl deploy promote or --rollback.',
  examples: [
    { command: 'opsctl deploy canary --version v1.2.3', explains: '5 % of visitors, until it is promoted' },
    {
      command: 'opsctl deploy canary --version v1.2.3 --auto-promote --steps 10,50,100 --step-duration 5m --yes',
      explains: 'unattended, to all visitors or back',
    },
    {
      command: 'opsctl deploy canary --version v1.2.3 --service api --initial-traffic-percent 1',
      explains: 'one service, carefully',
    },
    { command: 'opsctl deploy canary --rollback', explains: 'end it: the stable version for all' },
  ],
  input,
  output: releaseSchema,
  idle: ({ rollback, autoPromote, initialTrafficPercent }) => {
    if (rollback)
      return {
        fields: Object.keys(input.shape).filter((field) => field !== 'rollback' && field !== 'force'),
        why: '--rollback ends the canary that runs, of all its services',
        hint: 'Run: opsctl deploy canary --rollback',
      };
    if (autoPromote || initialTrafficPercent === undefined) return undefined;
    return {
      fields: ['steps'],
      why: 'without --auto-promote the canary stays at --initial-traffic-percent',
      hint: 'Go through them by itself: opsctl deploy canary --version <version> --auto-promote --steps <percents>',
    };
  },
  plan: (given, context) => (given.rollback ? takeBack(given, context) : start(given, context)),
  settles: async ({ rollback }, { readers }) => (rollback ? (await pausedCanary(readers))?.id : undefined),
  report: (_given, context) => observeRelease(context),
  text: (data, style) => deployedText(data, style),
});

async function start(given: z.output<typeof input>, context: Context): Promise<Plan> {
  const walk = walkOf(given);
  if (given.version === undefined)
    throw new OpsError('USAGE', 'deploy canary needs the version to try', {
      hint: 'Name it: opsctl deploy canary --version <version>, or end one: opsctl deploy canary --rollback',
    });
  if (walk.analysed && context.platform.prometheus === undefined)
    throw new OpsError(
      'NOT_CONFIGURED',
      'a canary is judged by what Prometheus counts, and the configuration names none',
      {
        hint: 'Set prometheus in opsctl.yaml, or watch its containers only: --no-analysis',
      },
    );
  const facts = await observe(context.platform, context.readers);
  await mustNotBeCanary(facts, context.readers);
  const asked = { ...given, version: given.version, goesLive: walk.percents.includes(100) };
  const request = await requestOf(asked, facts, context);
  if (walk.analysed && request.wanted.some(({ same }) => !same)) await mustBeAsked(context.readers.metrics);
  for (const risk of acceptedRisks(request.wanted, asked)) context.warn(risk);
  return planCanary(request, walk);
}

async function takeBack(given: z.output<typeof input>, context: Context): Promise<Plan> {
  const facts = await observe(context.platform, context.readers);
  return planCanaryRollback(
    surroundingsOf(facts, context),
    await runningCanary(facts, context.platform, context.readers),
    given.force,
  );
}
