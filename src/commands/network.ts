import * as z from 'zod';

import { readCommand } from '../core/command.ts';
import { localTime, plural } from '../core/format.ts';
import type { Style } from '../core/style.ts';
import { unknownName } from '../inspect/names.ts';
import { networkSchema, type NetworkView, networkView } from '../inspect/networks.ts';
import { compareNames } from '../core/text.ts';

const input = z.object({
  name: z
    .string()
    .optional()
    .meta({ description: 'only this one, with its containers', positional: true, completes: 'network' }),
  all: z.boolean().default(false).meta({ description: 'networks of other platforms too', short: 'a' }),
});

const output = z.object({
  networks: z.array(networkSchema),
  others: z.number().describe('networks of the engine that are left out; --all shows them'),
});

export default readCommand({
  name: 'network',
  summary: 'Networks and the containers on them',
  examples: [
    { command: 'opsctl network', explains: 'the networks of the platform' },
    { command: 'opsctl network ecommerce-network', explains: 'one network: addresses of its containers' },
  ],
  input,
  output,
  run: async ({ name, all }, { platform, readers }) => {
    const [networks, containers] = await Promise.all([readers.engine.networks(), readers.engine.containers()]);
    const views = networks
      .map((network) => networkView(network, containers, platform))
      .toSorted((a, b) => compareNames(a.name, b.name));
    if (name === undefined) {
      const shown = views.filter(({ own }) => all || own);
      return { networks: shown, others: views.length - shown.length };
    }
    // Compose puts the project before the name that its file has.
    const found =
      views.find((view) => view.name === name) ??
      views.find((view) => view.name === `${platform.compose.project}_${name}`);
    if (found === undefined) {
      throw unknownName(
        'network',
        name,
        views.map((view) => view.name),
        'See all of them with: opsctl network --all',
      );
    }
    return { networks: [found], others: 0 };
  },
  text: ({ networks, others }, style, { name }) => {
    const [only] = networks;
    if (name !== undefined && only !== undefined) return one(only, style);
    const columns = [
      { title: 'NETWORK' },
      { title: 'DRIVER' },
      { title: 'SUBNET' },
      { title: 'CONTAINERS', align: 'right' as const },
    ];
    const rows = networks.map(({ name: title, driver, internal, subnets, members }) => [
      title,
      internal ? `${driver}, internal` : driver,
      subnets.map(({ subnet }) => subnet).join(' ') || '-',
      members.length.toString(),
    ]);
    const on = networks
      .filter(({ members }) => members.length > 0)
      .map(({ name: title, members }) => style.wrap(`${title}: ${members.map((member) => member.name).join(', ')}`, 2));
    const parts = [networks.length === 0 ? 'the platform has no networks' : style.table(columns, rows), ...on];
    const table = parts.join('\n\n');
    return others === 0
      ? table
      : `${table}\n\n${style.dim(`${plural(others, 'other network')} on this engine: --all shows them`)}`;
  },
});

function one(view: NetworkView, style: Style): string {
  const facts = style.pairs([
    ['network', style.bold(view.name)],
    ['id', view.id.slice(0, 12)],
    ['driver', `${view.driver}, ${view.scope}${view.internal ? ', internal' : ''}`],
    [
      'subnet',
      view.subnets
        .map(({ subnet, gateway }) => `${subnet}${gateway === undefined ? '' : ` via ${gateway}`}`)
        .join(', ') || '-',
    ],
    ['created', localTime(view.createdAt)],
    ...Object.entries(view.labels).map(([key, value]): [string, string] => ['label', `${key}=${value}`]),
  ]);
  if (view.members.length === 0) return `${facts}\n\nno container is on it`;
  const rows = view.members.map(({ name, address, state }) => [name, address || '-', state]);
  return `${facts}\n\n${style.table([{ title: 'CONTAINER', flexible: true }, { title: 'ADDRESS' }, { title: 'STATE' }], rows)}`;
}
