import * as z from 'zod';

import { scriptFor, SHELLS } from '../completion/scripts.ts';
import { readCommand } from '../core/command.ts';

export default readCommand({
  name: 'completion',
  summary: 'Print the script that completes commands, flags and names in a shell',
  description:
    'The script asks opsctl for candidates at every Tab, so it stays right when opsctl or the configuration changes.',
  needs: 'nothing',
  examples: [
    { command: 'opsctl completion bash', explains: 'in ~/.bashrc: source <(opsctl completion bash)' },
    { command: 'opsctl completion zsh', explains: 'in ~/.zshrc, after compinit: source <(opsctl completion zsh)' },
    { command: 'opsctl completion fish', explains: 'save it as ~/.config/fish/completions/opsctl.fish' },
    {
      command: 'opsctl completion powershell',
      explains: 'in $PROFILE: opsctl completion powershell | Out-String | Invoke-Expression',
    },
  ],
  input: z.object({ shell: z.enum(SHELLS).meta({ description: 'which shell', positional: true }) }),
  output: z.object({ shell: z.enum(SHELLS), script: z.string() }),
  run: ({ shell }) => Promise.resolve({ shell, script: scriptFor(shell) }),
  text: ({ script }) => script.trimEnd(),
});
