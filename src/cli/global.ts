import * as z from 'zod';

/** Flags that every command has. */
export const globalInput = z.object({
  config: z.string().optional().meta({ description: 'configuration file', value: 'file' }),
  environment: z
    .string()
    .optional()
    .meta({ description: 'environment of the configuration', short: 'e', value: 'name' }),
  set: z
    .array(z.string())
    .optional()
    .meta({ description: 'replace one value of the environment, such as checks.timeoutMs=2000', value: 'path=value' }),
  json: z.union([z.boolean(), z.literal('stream')]).optional(),
  color: z.boolean().optional(),
  quiet: z.boolean().default(false).meta({ description: 'nothing but errors; the exit code tells', short: 'q' }),
  debug: z.boolean().default(false).meta({ description: 'stack traces and causes of errors' }),
});
export type GlobalInput = z.infer<typeof globalInput>;

/** Flags that every change command has, and only those. */
export const changeInput = z.object({
  dryRun: z
    .boolean()
    .default(false)
    .meta({ description: 'show the plan and stop; everything is read, nothing is changed', short: 'n' }),
  yes: z.boolean().default(false).meta({ description: 'confirm a plan whose every step can be undone', short: 'y' }),
  confirm: z
    .string()
    .optional()
    .meta({ description: "confirm by the target's name, for what cannot be undone", value: 'name' }),
  reason: z.string().optional().meta({ description: 'why, for the journal', value: 'text' }),
  withoutEngine: z.boolean().default(false).meta({
    description:
      'go on although the docker engine does not answer: nobody else is kept out; for what touches no container',
  }),
});
export type ChangeInput = z.infer<typeof changeInput>;
