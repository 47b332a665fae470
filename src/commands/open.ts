import * as z from 'zod';

import { readCommand } from '../core/command.ts';
import { linkNamed, linkSchema } from '../inspect/directory.ts';

const input = z.object({
  name: z.string().meta({ description: 'a link; `opsctl links` shows them', positional: true, completes: 'link' }),
});

const output = linkSchema.extend({
  opened: z.boolean().describe('true when a browser was started'),
  reason: z.string().optional().describe('why no browser was started'),
});

export default readCommand({
  name: 'open',
  summary: 'Open a link of the platform in the browser',
  description: 'Where there is no browser, as over ssh, the URL is printed.',
  examples: [
    { command: 'opsctl open grafana', explains: 'opens the dashboards' },
    { command: 'opsctl open runbook --json', explains: 'the URL as data' },
  ],
  input,
  output,
  run: async ({ name }, { platform, readers }) => {
    const link = linkNamed(name, platform);
    return { ...link, ...(await readers.browser.open(link.url)) };
  },
  text: ({ url, opened, reason }, style) =>
    opened ? `opened ${url}` : `${url}\n${style.dim(`not opened: ${reason ?? 'no browser'}`)}`,
});
