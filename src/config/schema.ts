import * as z from 'zod';

import { contactSchema, linksSchema, platformSchema } from '../core/platform.ts';

/** The configuration file, `opsctl.yaml`. */
export const configFileSchema = z
  .strictObject({
    version: z.literal(1).default(1).describe('version of this format'),
    default: z.string().optional().describe('environment used when none is named; default: the only one'),
    contacts: z.array(contactSchema).default([]).describe('contacts of every environment'),
    links: linksSchema.default({}).describe('links of every environment'),
    environments: z
      .record(z.string().regex(/^[a-z0-9][a-z0-9-]*$/i, 'letters, digits and dashes only'), platformSchema)
      .refine((value) => Object.keys(value).length > 0, 'needs at least one environment'),
  })
  .meta({ title: 'opsctl configuration' });

/** A validated configuration file. */
export type ConfigFile = z.infer<typeof configFileSchema>;

let jsonSchema: z.core.JSONSchema.BaseSchema | undefined;

/** The JSON Schema that editors use to complete and check `opsctl.yaml`. */
export function configJsonSchema(): z.core.JSONSchema.BaseSchema {
  jsonSchema ??= z.toJSONSchema(configFileSchema, { io: 'input', target: 'draft-2020-12' });
  return jsonSchema;
}
