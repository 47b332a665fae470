/**
 * `npm run -s opsctl -- <arguments>`: the built program on the demo's configuration. Becomes the
 * program instead of starting it where the system can, so that signals, terminal and exit code are
 * the program's own. Starts no engine: that none runs is for the program to tell.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { findEngine, PRIVATE_HOST } from './engine-find.ts';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const env: Record<string, string> = {};
for (const [name, value] of Object.entries(process.env)) if (value !== undefined) env[name] = value;
env['OPSCTL_CONFIG'] ??= at('../demo/opsctl.yaml');
// A named engine is taken as it is; asking it first would only cost time.
env['DOCKER_HOST'] ||= (await findEngine())?.host ?? PRIVATE_HOST;
process.chdir(env['INIT_CWD'] ?? process.cwd());

const argv = [at('../bin/opsctl'), ...process.argv.slice(2)];
if (process.platform === 'win32') {
  spawn(process.execPath, argv, { env, stdio: 'inherit' }).on('close', (code) => {
    process.exitCode = code ?? 70;
  });
} else {
  // Node warns of execve being new; the warning would be taken for the program's output.
  process.removeAllListeners('warning');
  process.execve?.(process.execPath, [process.execPath, ...argv], env);
}
