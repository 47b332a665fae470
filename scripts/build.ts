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
  logLevel: 'warning',
  logOverride: { 'empty-import-meta': 'error' },
  define: { OPSCTL_VERSION: JSON.stringify(version) },
  external: ['*.node', 'cpu-features', 'pg-native'],
};

/** In the entry, what is imported when it is needed is a part of the program, which is loaded then. */
const parts = (found: Map<string, readonly string[]>): Plugin => ({
  name: 'parts',
  setup: (builder) => {
    builder.onResolve({ filter: /^\./ }, (args) => {
      if (args.kind !== 'dynamic-import') return undefined;
      const file = path.relative(path.join(root, 'src'), path.resolve(args.resolveDir, args.path));
      found.set(file, found.get(file) ?? []);
      return { path: file, namespace: 'part' };
    });
    builder.onLoad({ filter: /.*/, namespace: 'part' }, ({ path: file }) => ({
      contents: [
        "import { part } from './src/cli/program.ts';",
        `const made = part(${JSON.stringify(file)});`,
        ...(found.get(file) ?? []).map(
          (name) => `const _${name} = made[${JSON.stringify(name)}];\nexport { _${name} as ${name} };`,
        ),
      ].join('\n'),
      resolveDir: root,
    }));
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

/** The names that files of `src` export. */
async function exportsOf(files: readonly string[]): Promise<[string, readonly string[]][]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: files.map((file) => path.join('src', file)),
    outbase: 'src',
    outdir: fresh,
    write: false,
    metafile: true,
    format: 'esm',
  });
  return Object.values(metafile.outputs).flatMap(({ entryPoint, exports }): [string, readonly string[]][] =>
    entryPoint === undefined ? [] : [[path.relative('src', entryPoint), exports]],
  );
}

try {
  const found = new Map<string, readonly string[]>();
  const entry = (OPSCTL_BUILD: string): Promise<unknown> =>
    build({
      ...shared,
      define: { ...shared.define, OPSCTL_BUILD: JSON.stringify(OPSCTL_BUILD) },
      entryPoints: ['src/cli/main.ts'],
      outfile: path.join(fresh, 'main.cjs'),
      plugins: [parts(found)],
    });
  // Once to see which parts there are, and then with the names that they export.
  await entry('');
  for (const [file, names] of await exportsOf([...found.keys()])) found.set(file, names);
  const table = [...found.keys()].map((file) => `${JSON.stringify(file)}: () => require('./src/${file}')`);
  await build({
    ...shared,
    stdin: { contents: `module.exports = { ${table.join(', ')} };`, resolveDir: root, sourcefile: 'parts.js' },
    outfile: path.join(fresh, 'program.cjs'),
    // A script that is no module imports nothing; and of Node's modules, an import reads every part, also what is made then.
    supported: { 'dynamic-import': false },
    plugins: [leftOut, widthWhenAsked],
  });
  const program = await readFile(path.join(fresh, 'program.cjs'));
  await entry(createHash('sha256').update(program).digest('hex').slice(0, 16));
  await rm(dist, { recursive: true, force: true });
  await rename(fresh, dist);
} finally {
  await rm(fresh, { recursive: true, force: true });
}
