import * as z from 'zod';

import { changeCommand, type Context } from '../../core/command.ts';
import type { Plan } from '../../core/change.ts';
import { OpsError } from '../../core/errors.ts';
import { mustBeDeployable } from '../../deploy/decide.ts';
import { observe } from '../../deploy/observe.ts';
import { planBlueGreen } from '../../deploy/plan-blue-green.ts';
import { keptBack, planRollback } from '../../deploy/plan-rollback.ts';
import { mustNotBeCanary } from '../../deploy/running-canary.ts';
import { smokeUrls } from '../../deploy/smoke.ts';
import { versionVariable } from '../../deploy/version-variable.ts';
import { deployedText } from './release-text.ts';
import { observeRelease, releaseFields, releaseSchema, requestOf, surroundingsOf, warnUnwritten } from './shared.ts';

const input = z.object({
  version: releaseFields.version,
  rollback: z
    .boolean()
    .default(false)
    .meta({ description: 'go back to the release before; with --service, only of those' }),
  service: releaseFields.service,
  incompatibleMigration: releaseFields.incompatibleMigration,
  force: z.boolean().default(false).meta({
    description:
      'although memory is short, the load balancer lacks something, a variable would say a wrong version of another service or cannot be written, or a migration forbids the rollback; and a rollback does not first test the version that it goes back to',
  }),
});

export default changeCommand({
  name: 'deploy blue-green',
  summary: 'Start a release beside the live one, test it, switch all traffic at once, watch it',
  description:
    'The new containers are made after the live ones, must be healthy and answer through the load balancer before the switch, which is one atomic rename and loses no request. A release that is not well after the switch is taken back by itself. The version before keeps running for a quick rollback, until the next deploy or opsctl deploy retire.',
  examples: [
    { command: 'opsctl deploy blue-green --version v1.2.3 --dry-run', explains: 'what would be done, in which order' },
    { command: 'opsctl deploy blue-green --version v1.2.3 --yes', explains: 'as a CI job does' },
    { command: 'opsctl deploy blue-green --version v1.2.3 --service api', explains: 'only the api gets the version' },
    { command: 'opsctl deploy blue-green --rollback --yes', explains: 'back to the release before' },
    {
      command: 'opsctl deploy blue-green --rollback --service api',
      explains: 'only the api goes back, also when another release came after its last one',
    },
  ],
  input,
  output: releaseSchema,
  idle: ({ rollback }) =>
    rollback
      ? {
          fields: ['version', 'incompatibleMigration'],
          why: '--rollback goes back to the release before',
          hint: 'Deploy a version: opsctl deploy blue-green --version <version>',
        }
      : undefined,
  plan: (given, context) => (given.rollback ? rollback(given, context) : deploy(given, context)),
  report: (_given, context) => observeRelease(context),
  text: (data, style) => deployedText(data, style),
});

async function deploy(given: z.output<typeof input>, context: Context): Promise<Plan> {
  if (given.version === undefined)
    throw new OpsError('USAGE', 'deploy blue-green needs the version to deploy', {
      hint: 'Name it: opsctl deploy blue-green --version <version>, or go back: opsctl deploy blue-green --rollback',
    });
  const facts = await observe(context.platform, context.readers);
  await mustNotBeCanary(facts, context.readers);
  return planBlueGreen(await requestOf({ ...given, version: given.version }, facts, context));
}

async function rollback(given: z.output<typeof input>, context: Context): Promise<Plan> {
  const { platform, readers } = context;
  const facts = await observe(platform, readers);
  await mustNotBeCanary(facts, readers);
  mustBeDeployable(given.service, facts);
  const services = await Promise.all(
    facts.services.map(async (one) => ({
      facts: one,
      variable: await versionVariable(one.name, platform, readers.files),
      smoke: smokeUrls(platform.services[one.name]),
    })),
  );
  const request = { ...surroundingsOf(facts, context), services, named: given.service, force: given.force };
  const planned = planRollback(request);
  for (const one of keptBack(request)) warnUnwritten(one, context);
  return planned;
}
