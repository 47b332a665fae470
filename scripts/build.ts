/**
 * Builds `dist/`: one small CommonJS entry (the fastest start that was measured, see docs/benchmarks.md) and
 * ES-module chunks, one for each command and for what they share, loaded when they are needed.
 */
import { readFile, rename, rm } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
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
  target: 'node22.18',
  sourcemap: true,
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
  define: { OPSCTL_VERSION: JSON.stringify(version) },
  external: ['*.node', 'cpu-features', 'pg-native'],
};

/** In the entry a dynamic import leads to the chunk that the other build makes of the same file. */
const lazyChunks = (found: Set<string>): Plugin => ({
  name: 'lazy-chunks',
  setup: (builder) => {
    builder.onResolve({ filter: /^\./ }, (args) => {
      if (args.kind !== 'dynamic-import') return undefined;
      const file = path.relative(path.join(root, 'src'), path.resolve(args.resolveDir, args.path));
      found.add(file);
      return { path: `./${file.replace(/\.ts$/, '.mjs')}`, external: true };
    });
  },
});

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

/**
 * Node's own modules are fetched and not imported. What an ES module imports of them, Node reads whole, with every part
 * that is made at its first use: for `node:http` that is a WebSocket, and with it the whole of `fetch`.
 */
const builtinsFetched: Plugin = {
  name: 'builtins-fetched',
  setup: (builder) => {
    builder.onResolve({ filter: /^[a-z]/ }, ({ path: name }) =>
      isBuiltin(name) ? { path: name, namespace: 'builtin' } : undefined,
    );
    builder.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path: name }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(name)});`,
      loader: 'js',
    }));
  },
};

try {
  const chunks = new Set<string>();
  await build({
    ...shared,
    entryPoints: ['src/cli/main.ts'],
    outfile: path.join(fresh, 'main.cjs'),
    format: 'cjs',
    plugins: [lazyChunks(chunks)],
  });
  await build({
    ...shared,
    entryPoints: [...chunks].map((file) => path.join('src', file)),
    outbase: 'src',
    outdir: fresh,
    plugins: [leftOut, widthWhenAsked, builtinsFetched],
    format: 'esm',
    splitting: true,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunks/[name]-[hash]',
  });
  await rm(dist, { recursive: true, force: true });
  await rename(fresh, dist);
} finally {
  await rm(fresh, { recursive: true, force: true });
}
