import * as z from 'zod';

import { readCommand } from '../core/command.ts';
import { linkSchema, linksOf } from '../inspect/directory.ts';

export default readCommand({
  name: 'links',
  summary: 'Dashboards, documentation and other URLs of the platform',
  examples: [
    { command: 'opsctl links', explains: 'all links; open one with: opsctl open <name>' },
    { command: 'opsctl links --json', explains: 'as data' },
  ],
  input: z.object({}),
  output: z.object({ links: z.array(linkSchema) }),
  run: (_input, { platform }) => Promise.resolve({ links: linksOf(platform) }),
  text: ({ links }, style) => {
    if (links.length === 0) return 'the configuration has no links; add them under links: in opsctl.yaml';
    const titled = links.some(({ title }) => title !== undefined);
    const columns = [{ title: 'NAME' }, { title: 'URL' }, ...(titled ? [{ title: 'WHAT IT IS', flexible: true }] : [])];
    return style.table(
      columns,
      links.map(({ name, url, title }) => [name, url, ...(titled ? [title ?? ''] : [])]),
    );
  },
});
