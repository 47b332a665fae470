import * as z from 'zod';

import { OpsError } from '../core/errors.ts';
import { contactSchema, type Platform } from '../core/platform.ts';
import { unknownName } from './names.ts';

/** A link of the configuration. */
export const linkSchema = z
  .object({ name: z.string(), url: z.string(), title: z.string().optional() })
  .meta({ id: 'Link' });
export type Link = z.infer<typeof linkSchema>;

/** All links, in the order of the configuration. */
export function linksOf({ links }: Platform): Link[] {
  return Object.entries(links).map(([name, link]) =>
    typeof link === 'string' ? { name, url: link } : { name, ...definedOf(link) },
  );
}

const definedOf = ({ url, title }: { url: string; title?: string | undefined }): { url: string; title?: string } => ({
  url,
  ...(title === undefined ? {} : { title }),
});

/** One link by its name. @throws NOT_CONFIGURED without links, NOT_FOUND with the nearest names */
export function linkNamed(name: string, platform: Platform): Link {
  const links = linksOf(platform);
  if (links.length === 0) {
    throw new OpsError('NOT_CONFIGURED', 'the configuration has no links', {
      hint: 'Add them to opsctl.yaml, such as links: { grafana: https://grafana.example.org }.',
    });
  }
  const found = links.find((link) => link.name === name);
  if (found !== undefined) return found;
  throw unknownName(
    'link',
    name,
    links.map((link) => link.name),
    'See all of them with: opsctl links',
  );
}

/** People, and outside companies, to call. */
export const directorySchema = z.object({
  levels: z
    .array(z.object({ level: z.number().nullable(), contacts: z.array(contactSchema) }))
    .describe('the escalation matrix, level 1 first; null for those without a level'),
  vendors: z.array(contactSchema),
});
export type Directory = z.infer<typeof directorySchema>;

/** Contacts by level, vendors apart; within a level in the order of the configuration. */
export function directoryOf({ contacts }: Pick<Platform, 'contacts'>): Directory {
  const people = contacts.filter(({ vendor }) => !vendor);
  const levels = [...Map.groupBy(people, ({ level }) => level ?? null)].map(([level, of]) => ({ level, contacts: of }));
  return {
    levels: levels.toSorted((a, b) => (a.level ?? Infinity) - (b.level ?? Infinity)),
    vendors: contacts.filter(({ vendor }) => vendor),
  };
}
