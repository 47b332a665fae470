import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { reportedComponent } from '../../../src/checks/component.ts';

describe('what a health answer says of a part', () => {
  it.each<[string, unknown, string]>([
    ['ours', { components: { database: { status: 'ok', latencyMs: 1 } } }, 'up at components.database: ok'],
    [
      'Spring Boot',
      { status: 'DOWN', components: { db: { status: 'DOWN', details: {} } } },
      'down at components.db: DOWN',
    ],
    [
      'terminus',
      { error: { database: { status: 'down', message: 'no route' } } },
      'down at error.database: down: no route',
    ],
    [
      'ASP.NET',
      { status: 'Healthy', entries: { postgres: { status: 'Degraded' } } },
      'degraded at entries.postgres: Degraded',
    ],
    ['the health+json draft', { checks: { 'db:responseTime': [], db: [{ status: 'pass' }] } }, 'up at checks.db: pass'],
    ['a flat word', { database: 'connected' }, 'up at database: connected'],
    ['a flag', { checks: { postgresql: false } }, 'down at checks.postgresql: false'],
    ['other letters', { Checks: { Database: 'OK' } }, 'up at checks.database: OK'],
  ])('must be read from %s', (_what, body, expected) => {
    const said = reportedComponent(JSON.stringify(body), 'database');
    expect(`${said?.state ?? ''} at ${said?.where ?? ''}: ${said?.detail ?? ''}`).toBe(expected);
  });

  it.each(['', 'OK', '<html>', 'null', '42', '[]', '{}', '{"database":{}}', '{"database":null}', '{"status":"ok"}'])(
    'must be nothing where nothing is said: %s',
    (body) => {
      expect(reportedComponent(body, 'database')).toBeUndefined();
    },
  );

  it('must never throw and never repeat more than a line, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 6 }),
        fc.constantFrom(undefined, null, 'a.b', 'database', '__proto__.x'),
        (body, path) => {
          expect(reportedComponent(body, 'database', path)?.detail.length ?? 0).toBeLessThan(250);
        },
      ),
    );
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(reportedComponent(JSON.stringify({ db: value }), 'database')?.detail.length ?? 0).toBeLessThan(250);
      }),
    );
  });
});
