import { readFileSync } from 'node:fs';
import path from 'node:path';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { parseSource } from '../../../src/config/source.ts';
import { validate } from '../../../src/config/validate.ts';
import { OpsError } from '../../../src/core/errors.ts';

const VALID = [
  readFileSync(path.join(import.meta.dirname, '../../../demo/opsctl.yaml'), 'utf8'),
  `version: 1
default: staging
contacts: [{ role: on-call, phone: "+1 555 0100", level: 1 }]
environments:
  staging: &base
    compose: { project: shop, files: [compose.yaml] }
    services: { api: { health: http://127.0.0.1:8080/health, components: { database: null } }, web: {} }
    databases: { main: { url: { env: DATABASE_URL } }, other: { service: db, password: { command: [pass, db] } } }
    caches: { main: { service: redis, password: { file: secret.txt } } }
    certificates: { a: { url: https://127.0.0.1 }, b: { file: x.pem }, c: { service: lb, path: /x.pem } }
    thresholds: { disk: { warn: 0.5 } }
  production:
    <<: *base
    protected: true
`,
];

/** The one property: a valid configuration, or an error of ours that says where in the file. */
function holds(text: string): void {
  const lines = text.split('\n');
  try {
    const data = validate(parseSource('/x/opsctl.yaml', text, 'opsctl.yaml'));
    expect(Object.keys(data.environments).length).toBeGreaterThan(0);
  } catch (thrown) {
    if (!(thrown instanceof OpsError)) throw thrown;
    expect(thrown.code).toBe('CONFIG_INVALID');
    const mistakes = (thrown.details?.['mistakes'] as string[] | undefined) ?? [thrown.message];
    for (const mistake of mistakes) {
      const [, line = '0', column = '0'] = /^opsctl\.yaml:(\d+):(\d+): ./s.exec(mistake) ?? [];
      expect(Number(line)).toBeGreaterThanOrEqual(1);
      expect(Number(line)).toBeLessThanOrEqual(lines.length);
      expect(Number(column)).toBeGreaterThanOrEqual(1);
      expect(Number(column)).toBeLessThanOrEqual((lines[Number(line) - 1] ?? '').length + 1);
    }
  }
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
}

const SNIPPETS = [
  ...[
    '__proto__',
    'constructor',
    'prototype',
    '__proto__: { polluted: 1 }',
    '<<: *base',
    '<<',
    '*base',
    '&base',
    '&a',
    '*a',
  ],
  ...[
    '\t',
    '\r\n',
    '\n',
    '---',
    '...',
    '? ',
    '- ',
    ': ',
    '#',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '|',
    '>',
    '!!binary',
    '!x',
    '%YAML 1.1\n',
  ],
  ...[
    '\ufeff',
    '\u2028',
    '\u0000',
    '\ud800',
    '~',
    'null',
    '1e999',
    '.nan',
    '0x1',
    '-',
    'yes',
    '2020-01-01',
    '\\x00',
    'health',
    'services',
  ],
];

/** A valid file with a few pieces cut out, put in twice, or replaced. */
const mutated = fc
  .tuple(
    fc.constantFrom(...VALID),
    fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        cut: fc.nat(60),
        put: fc.oneof(fc.constantFrom(...SNIPPETS), fc.string({ maxLength: 12, unit: 'binary' }), fc.constant('')),
        copy: fc.boolean(),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  )
  .map(([text, changes]) =>
    changes.reduce((now, { at, cut, put, copy }) => {
      const start = Math.floor(at * now.length);
      const end = Math.min(now.length, start + cut);
      return now.slice(0, start) + put + (copy ? now.slice(start, end) + now.slice(start, end) : '') + now.slice(end);
    }, text),
  );

/** Any YAML-like tree under the right first key. */
const trees = fc
  .letrec((tie) => ({
    node: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.oneof(fc.string({ maxLength: 8 }), fc.integer(), fc.boolean(), fc.constant(null)),
      fc.array(tie('node'), { maxLength: 4 }),
      fc.dictionary(
        fc.oneof(
          fc.constantFrom(
            'services',
            'health',
            '__proto__',
            'constructor',
            'url',
            'env',
            'compose',
            'project',
            'databases',
          ),
          fc.string({ maxLength: 6 }),
        ),
        tie('node'),
        { maxKeys: 5 },
      ),
    ),
  }))
  .node.map((tree) => JSON.stringify({ environments: { production: tree } }));

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 1500);

test.each([
  ['mutated valid files', mutated],
  [
    'arbitrary text',
    fc.oneof(
      fc.string({ maxLength: 300, unit: 'binary' }),
      fc.array(fc.constantFrom(...SNIPPETS, ' ', 'a', '1'), { maxLength: 60 }).map((parts) => parts.join('')),
    ),
  ],
  ['arbitrary trees', trees],
])(
  '%s: a valid configuration, or a mistake with its place',
  (_name, texts) => {
    fc.assert(fc.property(texts, holds), {
      numRuns: RUNS,
      interruptAfterTimeLimit: 50_000,
      markInterruptAsFailure: true,
    });
  },
  60_000,
);
