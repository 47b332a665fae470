/** Bundles each service into one file, so that images need neither npm nor a network for it. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { BUILD, DEMO } from './paths.ts';

/** Writes the service's bundle into a build context of its own and gives the folder. */
export async function bundle(service: 'api' | 'web' | 'load'): Promise<string> {
  const context = join(BUILD, 'context', service);
  const result = await build({
    entryPoints: [join(DEMO, service, 'main.ts')],
    absWorkingDir: DEMO,
    outfile: join(context, 'server.cjs'),
    bundle: true,
    write: false,
    platform: 'node',
    // What Debian 13 ships; CommonJS, since the database drivers call require.
    target: 'node20',
    format: 'cjs',
    sourcemap: 'inline',
    sourcesContent: false,
    loader: { '.css': 'text' },
    external: ['pg-native'],
    logLevel: 'warning',
  });
  await mkdir(context, { recursive: true });
  await writeFile(join(context, 'server.cjs'), result.outputFiles[0]?.contents ?? '');
  return context;
}
