/** `npm run demo`: the reference platform, from nothing or from what is there, and a look at it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { say, script } from '../scripts/failure.ts';
import { ROOT } from './paths.ts';
import { ensurePlatform } from './platform.ts';

await script(async () => {
  const started = Date.now();
  const { http, https, prometheus, ca } = await ensurePlatform({ reset: false });
  say(`the platform is up and healthy (${Math.round((Date.now() - started) / 1_000)} s)`);
  if (existsSync(join(ROOT, 'dist'))) {
    await opsctl('lb', 'setup', '--yes');
    await opsctl('health', '--detailed');
  }
  process.stderr.write(`
The shop:       ${http}  and  ${https} (authority: ${ca})
Prometheus:     ${prometheus}
Try next:       npm run -s opsctl -- status
                npm run -s opsctl -- health --continuous
                npm run -s opsctl -- logs api --tail 20
                npm run -s opsctl -- deploy blue-green --version v1.1.0
Its engine:     export DOCKER_HOST=$(npm run -s demo:engine)
Remove it all:  npm run demo:down
`);
});

async function opsctl(...argv: string[]): Promise<void> {
  say(`opsctl ${argv.join(' ')}`);
  const program = [join(ROOT, 'scripts', 'opsctl.ts'), ...argv];
  const { exitCode } = await execa(process.execPath, program, { stdio: 'inherit', reject: false });
  say(`exit code ${exitCode ?? '(ended by a signal)'}`);
}
