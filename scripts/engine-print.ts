/** `npm run -s demo:engine`: the DOCKER_HOST of the engine in use, for other programs. */
import { findEngine } from './engine-find.ts';
import { Failure, script } from './failure.ts';

await script(async () => {
  const engine = await findEngine();
  if (engine === undefined) throw new Failure('no Docker engine answers. Start one: npm run demo', 6);
  process.stdout.write(`${engine.host}\n`);
});
