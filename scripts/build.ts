/**
 * Builds `dist/`: one small entry, which answers `--version` and `--help` (the fastest start that was measured, see
 * docs/benchmarks.md), and the program, one script whose parts are run when they are needed (ADR 10).
 */
import { createHash } from 'node:crypto';
import { readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';

import { build, type BuildOptions, type Plugin } from 'esbuild';

const root = path.resolve(import.meta.dirname, '..');
const dist = path.join(root, 'dist');
/** Built aside and put in place at the end: a build that fails leaves the program as it was. */
const fresh = path.join(root, `dist.${process.pid.toString()}`);
const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as { version: string };

const shared: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node22.18',
  sourcemap: true,
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  charset: 'ascii',
  logLevel: 'warning',
  logOverride: { 'empty-import-meta': 'error' },
  define: { OPSCTL_VERSION: JSON.stringify(version) },
  external: ['*.node', 'cpu-features', 'pg-native'],
};

/** The entry knows commands by name only; it is the program that imports them. */
const namesOnly: Plugin = {
  name: 'names-only',
  setup: (builder) => {
    builder.onResolve({ filter: /^\./ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: 'of-the-program', namespace: 'elsewhere' } : undefined,
    );
    builder.onLoad({ filter: /.*/, namespace: 'elsewhere' }, () => ({ contents: 'export default undefined;' }));
  },
};

/**
 * What libraries load at once for things that opsctl never does, and what stands in for it. Of dockerode: BuildKit sessions
 * (grpc, protobuf), and its own ssh, where the engine adapter runs the system's; without, loading it costs a fifth.
 * Figures: docs/benchmarks.md.
 */
const LEFT_OUT: Readonly<Record<string, string>> = {
  ssh2: '{}',
  '@grpc/grpc-js': '{}',
  '@grpc/proto-loader': '{}',
  protobufjs: '{}',
};
const leftOut: Plugin = {
  name: 'left-out',
  setup: (builder) => {
    builder.onResolve({ filter: /^[@a-z]/ }, ({ path: name }) =>
      Object.hasOwn(LEFT_OUT, name) ? { path: name, namespace: 'left-out' } : undefined,
    );
    builder.onLoad({ filter: /.*/, namespace: 'left-out' }, ({ path: name }) => ({
      contents: `module.exports = ${LEFT_OUT[name] ?? '{}'};`,
      loader: 'js',
    }));
  },
};

/**
 * Evaluated at its first call: its expressions for emojis and its segmenter take longer to make than all of zod, and what
 * is printed for programs needs no widths.
 */
const widthWhenAsked: Plugin = {
  name: 'width-when-asked',
  setup: (builder) => {
    builder.onResolve({ filter: /^string-width$/ }, ({ kind, importer }) =>
      kind === 'import-statement' && importer.startsWith(path.join(root, 'src'))
        ? { path: 'string-width', namespace: 'when-asked' }
        : undefined,
    );
    builder.onLoad({ filter: /.*/, namespace: 'when-asked' }, () => ({
      contents: `export default (...asked) => require('string-width').default(...asked);`,
      resolveDir: root,
    }));
  },
};

try {
  await build({
    ...shared,
    entryPoints: ['src/cli/parts.ts'],
    outfile: path.join(fresh, 'program.cjs'),
    // A script that is no module imports nothing; and of Node's modules, an import reads every part, also what is made then.
    supported: { 'dynamic-import': false },
    plugins: [leftOut, widthWhenAsked],
  });
  const digest = createHash('sha256').update(await readFile(path.join(fresh, 'program.cjs')));
  await build({
    ...shared,
    define: { ...shared.define, OPSCTL_BUILD: JSON.stringify(digest.digest('hex').slice(0, 16)) },
    entryPoints: ['src/cli/main.ts'],
    outfile: path.join(fresh, 'main.cjs'),
    plugins: [namesOnly],
  });
  await rm(dist, { recursive: true, force: true });
  await rename(fresh, dist);
} finally {
  await rm(fresh, { recursive: true, force: true });
}
