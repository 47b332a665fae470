import * as z from 'zod';

import { readCommand } from '../core/command.ts';
import { bytes, localTime, plural } from '../core/format.ts';
import type { Style } from '../core/style.ts';
import { unknownName } from '../inspect/names.ts';
import { volumeSchema, type VolumeView, volumeView } from '../inspect/networks.ts';
import { compareNames } from '../core/text.ts';

const input = z.object({
  name: z
    .string()
    .optional()
    .meta({ description: 'only this one, with its users', positional: true, completes: 'volume' }),
  sizes: z
    .boolean()
    .default(false)
    .meta({ description: 'measure them; the engine walks all files, which can take long' }),
  all: z.boolean().default(false).meta({ description: 'volumes of other platforms too', short: 'a' }),
});

const output = z.object({
  volumes: z.array(volumeSchema),
  missing: z.array(z.string()).describe('configured data volumes that do not exist'),
  others: z.number().describe('volumes of the engine that are left out; --all shows them'),
});

export default readCommand({
  name: 'volume',
  summary: 'Volumes and the containers that use them',
  description: 'Volumes that the configuration lists as data are marked; one that does not exist is said.',
  examples: [
    { command: 'opsctl volume', explains: 'the volumes of the platform' },
    { command: 'opsctl volume --sizes', explains: 'with their sizes' },
    { command: 'opsctl volume ecommerce_postgres_data', explains: 'one volume: where it is mounted' },
  ],
  input,
  output,
  run: async ({ name, sizes, all }, { platform, readers }) => {
    const [volumes, containers] = await Promise.all([readers.engine.volumes({ sizes }), readers.engine.containers()]);
    const views = volumes
      .map((volume) => volumeView(volume, containers, platform))
      .toSorted((a, b) => compareNames(a.name, b.name));
    const missing = platform.volumes.filter((wanted) => views.every((view) => view.name !== wanted));
    if (name === undefined) {
      const shown = views.filter(({ own }) => all || own);
      return { volumes: shown, missing, others: views.length - shown.length };
    }
    // Compose puts the project before the name that its file has.
    const found =
      views.find((view) => view.name === name) ??
      views.find((view) => view.name === `${platform.compose.project}_${name}`);
    if (found === undefined) {
      throw unknownName(
        'volume',
        name,
        views.map((view) => view.name),
        'See all of them with: opsctl volume --all',
      );
    }
    return { volumes: [found], missing: [], others: 0 };
  },
  text: ({ volumes, missing, others }, style, { name }) => {
    const [only] = volumes;
    if (name !== undefined && only !== undefined) return one(only, style);
    const parts = [volumes.length === 0 ? 'the platform has no volumes' : table(volumes, style)];
    if (missing.length > 0) {
      parts.push(
        missing
          .map((wanted) => `${style.status('crit')}  volume ${wanted} is configured as data, but does not exist`)
          .join('\n'),
      );
    }
    if (others > 0) parts.push(style.dim(`${plural(others, 'other volume')} on this engine: --all shows them`));
    return parts.join('\n\n');
  },
});

function table(volumes: readonly VolumeView[], style: Style): string {
  const sized = volumes.some(({ size }) => size !== undefined);
  const columns = [
    { title: 'VOLUME', flexible: true },
    { title: 'DATA' },
    ...(sized ? [{ title: 'SIZE', align: 'right' as const }] : []),
    { title: 'USED BY', flexible: true },
  ];
  const rows = volumes.map(({ name, data, size, usedBy }) => [
    shortName(name),
    data ? 'data' : '-',
    ...(sized ? [size === undefined ? '?' : bytes(size)] : []),
    [...new Set(usedBy.map(({ container }) => container))].join(', ') || 'nothing',
  ]);
  return style.table(columns, rows);
}

/** The engine names a volume that nobody named by 64 hexadecimal digits. */
const shortName = (name: string): string => (/^[0-9a-f]{64}$/.test(name) ? `${name.slice(0, 12)}…` : name);

function one(view: VolumeView, style: Style): string {
  const facts = style.pairs([
    ['volume', style.bold(view.name)],
    ['data', view.data ? 'yes, by configuration' : 'not configured as data'],
    ['driver', view.driver],
    ...(view.size === undefined ? [] : [['size', bytes(view.size)] as [string, string]]),
    ['on the engine', view.mountpoint],
    ...(view.createdAt === undefined ? [] : [['created', localTime(view.createdAt)] as [string, string]]),
    ...Object.entries(view.labels).map(([key, value]): [string, string] => ['label', `${key}=${value}`]),
  ]);
  if (view.usedBy.length === 0) return `${facts}\n\nno container uses it`;
  const rows = view.usedBy.map(({ container, target, readOnly, state }) => [
    container,
    target,
    readOnly ? 'read' : 'write',
    state,
  ]);
  const columns = [
    { title: 'CONTAINER' },
    { title: 'MOUNTED AT', flexible: true },
    { title: 'MAY' },
    { title: 'STATE' },
  ];
  return `${facts}\n\n${style.table(columns, rows)}`;
}
