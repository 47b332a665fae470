/** `npm run demo:down`: removes what the demo made, and nothing else. */
import { rm } from 'node:fs/promises';
import { findEngine, PRIVATE_HOST } from '../scripts/engine-find.ts';
import { privateExists } from '../scripts/engine-private.ts';
import { reviveKilledEngine, stopEngine } from '../scripts/engine.ts';
import { say, script } from '../scripts/failure.ts';
import { hasProgram } from '../scripts/packages.ts';
import { run } from '../scripts/run.ts';
import { BUILD, ENV_FILE, LABEL } from './paths.ts';

await script(async () => {
  await reviveKilledEngine();
  const engine = await findEngine();
  if (engine && hasProgram('docker')) {
    process.env['DOCKER_HOST'] = engine.host;
    await removeContainers();
    await removeAll('volume', ['volume', 'ls', '--quiet'], ['volume', 'rm', '--force']);
    await removeAll('network', ['network', 'ls', '--quiet'], ['network', 'rm']);
    // A private engine goes as a whole, images included.
    if (!engine.ours) await removeImages();
  }
  if (engine === undefined || engine.ours) {
    if (await stopEngine()) say('removed the private engine and its data');
  } else if (privateExists()) {
    say(`${engine.host} was cleaned; a private engine exists, too: DOCKER_HOST=${PRIVATE_HOST} npm run demo:down`);
  }
  await rm(BUILD, { recursive: true, force: true });
  await rm(ENV_FILE, { force: true });
  say('nothing of the demo is left; packages that were installed stay');
});

async function removeContainers(): Promise<void> {
  const list = ['ps', '--all', '--quiet'];
  await removeAll('container', list, ['rm', '--force', '--volumes']);
}

/** Names first, so that a name is not kept by what another one refers to; then what has no name. */
async function removeImages(): Promise<void> {
  const names = ['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}'];
  await removeAll('image', [...names, '--filter', 'dangling=false'], ['image', 'rm', '--force']);
  await removeAll('image', ['image', 'ls', '--quiet'], ['image', 'rm', '--force']);
}

async function removeAll(what: string, list: readonly string[], remove: readonly string[]): Promise<void> {
  const found = await run(['docker', ...list, '--filter', `label=${LABEL}`]);
  if (found === '') return;
  const names = [...new Set(found.split('\n'))];
  say(`removing ${names.length} ${what}${names.length === 1 ? '' : 's'}`);
  await run(['docker', ...remove, ...names]);
}
