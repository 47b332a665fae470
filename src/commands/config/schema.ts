import * as z from 'zod';

import { readCommand } from '../../core/command.ts';

export default readCommand({
  name: 'config schema',
  summary: 'The JSON Schema of opsctl.yaml, for editors',
  needs: 'nothing',
  examples: [{ command: 'opsctl config schema > opsctl.schema.json', explains: 'then point the editor at the file' }],
  input: z.object({}),
  output: z.record(z.string(), z.unknown()).describe('a JSON Schema, draft 2020-12'),
  run: (_input, { readers }) => Promise.resolve(readers.configuration.schema()),
  text: (data) => JSON.stringify(data, null, 2),
});
