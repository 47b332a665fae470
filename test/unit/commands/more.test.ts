import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import contacts from '../../../src/commands/contacts.ts';
import history from '../../../src/commands/history.ts';
import links from '../../../src/commands/links.ts';
import lock from '../../../src/commands/lock.ts';
import release from '../../../src/commands/lock/release.ts';
import open from '../../../src/commands/open.ts';
import trace from '../../../src/commands/trace.ts';
import { openBrowser } from '../../../src/adapters/browser.ts';
import type { ChangeEvent, Plan } from '../../../src/core/change.ts';
import type { ReadCommand } from '../../../src/core/command.ts';
import { OpsError } from '../../../src/core/errors.ts';
import type { Readers } from '../../../src/core/ports.ts';
import type { HttpAnswer } from '../../../src/core/ports/http.ts';
import type { LockHolder } from '../../../src/core/ports/lock.ts';
import { percentile } from '../../../src/core/percentiles.ts';
import { samePlan } from '../../../src/core/plan.ts';
import { summarize, traceTarget } from '../../../src/inspect/trace.ts';
import { contextOf, NOW, plain, shop, shopEngine } from '../inspect/platform.ts';
import { fakeHttp } from '../../support/fakes/http.ts';
import { type FakeJournal, fakeJournal } from '../../support/fakes/journal.ts';

process.env['TZ'] = 'UTC';

async function shown(command: unknown, typed: object, context: ReturnType<typeof contextOf>): Promise<string> {
  const read = command as ReadCommand;
  const input = read.input.parse(typed);
  return `\n${read.text(read.output.parse(await read.run(input, context)), plain, input)}\n`;
}

describe('percentiles', () => {
  it('are values that were measured, and at least that share is not above them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 60 }),
        fc.constantFrom(0.5, 0.9, 0.95, 0.99, 1),
        (values, share) => {
          const found = percentile(values, share) ?? Number.NaN;
          const notAbove = (limit: number): number => values.filter((value) => value <= limit).length;
          expect(values).toContain(found);
          expect(notAbove(found)).toBeGreaterThanOrEqual(share * values.length - 1e-9);
          // The smallest such value: with one less it would be too few.
          expect(notAbove(found - 1)).toBeLessThan(share * values.length - 1e-9);
        },
      ),
    );
  });
  it('of 1 to 20: the 95th is 19', () => {
    const values = Array.from({ length: 20 }, (_, index) => index + 1);
    expect([0.5, 0.95, 1].map((share) => percentile(values, share))).toEqual([10, 19, 20]);
    expect(percentile([], 0.5)).toBeUndefined();
  });
});

describe('trace', () => {
  const answer = (more: Partial<HttpAnswer> = {}, ms = 10): HttpAnswer => ({
    status: 200,
    headers: {},
    body: '',
    truncated: false,
    size: 185,
    remoteAddress: '127.0.0.1',
    httpVersion: '1.1',
    timings: { dns: 1, connect: 2, tls: ms / 2, firstByte: ms, total: 4 + ms * 2 },
    ...more,
  });
  it('must show the phases, a bar, the codes and what failed', () => {
    const answers = [answer(), answer({}, 20), answer({ status: 502 }, 40)];
    const data = summarize(
      'https://shop.example.org/',
      answers,
      [new OpsError('TIMED_OUT', 'https://shop.example.org did not answer within 10 s')],
      false,
    );
    expect(`\n${trace.text(data, plain, {})}\n`).toMatchInlineSnapshot(`
      "
      url      https://shop.example.org/
      answers  3 of 4: 200 × 2, 502 × 1
      from     127.0.0.1, HTTP 1.1, 185 B

      PHASE         P50    P95    MAX  AT THE MEDIAN
      DNS          1 ms   1 ms   1 ms  █
      connect      2 ms   2 ms   2 ms  ██
      TLS         10 ms  20 ms  20 ms    ████████
      first byte  20 ms  40 ms  40 ms            ████████████████
      download    11 ms  21 ms  21 ms                           █████████
      total       44 ms  84 ms  84 ms

      ✗ crit  1 request not answered: https://shop.example.org did not answer within 10 s
      "
    `);
  });
  it('must say where a redirect leads', () => {
    const data = summarize(
      'http://shop.example.org/',
      [answer({ status: 301, headers: { location: 'https://shop.example.org/' } })],
      [],
      true,
    );
    expect(trace.text(data, plain, {})).toContain('opsctl trace https://shop.example.org/');
  });
  it('understands URLs, paths, services and links', () => {
    const platform = shop({ links: { docs: 'https://docs.example.org/x' } });
    const targets = ['https://example.org/a', '/api/orders?x=1', 'api', 'load-balancer', 'docs'].map((word) =>
      traceTarget(word, platform),
    );
    expect(targets).toEqual([
      'https://example.org/a',
      'http://127.0.0.1:8080/api/orders?x=1',
      'http://127.0.0.1:8080/api/health',
      'http://127.0.0.1:8080/nginx-health',
      'https://docs.example.org/x',
    ]);
  });
  it.each([
    ['web', 'NOT_CONFIGURED'],
    ['doc', 'NOT_FOUND'],
    ['example.org/x', 'USAGE'],
    ['http://', 'USAGE'],
  ])('%s is refused with %s', (word, code) => {
    expect(() => traceTarget(word, shop({ links: { docs: 'https://docs.example.org' } }))).toThrow(
      expect.objectContaining({ code }),
    );
  });
  it('must not succeed when no request was answered', async () => {
    const http = fakeHttp();
    await expect(shown(trace, { url: 'api', count: 2, intervalMs: 0 }, contextOf({ http }))).rejects.toMatchObject({
      code: 'UNREACHABLE',
    });
    expect(http.asked).toHaveLength(2);
  });
});

describe('links, open, contacts', () => {
  const platform = shop({
    links: { grafana: { url: 'https://grafana.example.org', title: 'dashboards' }, docs: 'https://docs.example.org' },
  });
  it('must list links', async () => {
    expect(await shown(links, {}, contextOf({}, platform))).toMatchInlineSnapshot(`
      "
      NAME     URL                          WHAT IT IS
      grafana  https://grafana.example.org  dashboards
      docs     https://docs.example.org
      "
    `);
    expect(await shown(links, {}, contextOf({}))).toContain('no links');
  });
  it('must print the URL and the reason where there is no display', async () => {
    const browser = openBrowser({ env: {}, system: 'linux' });
    expect(await shown(open, { name: 'docs' }, contextOf({ browser }, platform))).toBe(
      '\nhttps://docs.example.org\nnot opened: there is no display\n',
    );
    await expect(shown(open, { name: 'grafan' }, contextOf({ browser }, platform))).rejects.toMatchObject({
      message: 'there is no link grafan; did you mean grafana?',
    });
    await expect(shown(open, { name: 'x' }, contextOf({ browser }))).rejects.toMatchObject({ code: 'NOT_CONFIGURED' });
  });
  it('must never hand anything but a web address to the system', async () => {
    const browser = openBrowser({ env: { DISPLAY: ':0', PATH: '/nowhere' }, system: 'linux' });
    for (const url of ['file:///etc/passwd', '--help', 'javascript:x'])
      expect((await browser.open(url)).opened).toBe(false);
    expect(await browser.open('https://example.org')).toEqual({ opened: false, reason: 'xdg-open is not installed' });
  });
  it('must show the escalation matrix by level, vendors apart', async () => {
    const people = [
      { role: 'engineering manager', level: 2, name: 'Grace', phone: '+1 555 0102' },
      { role: 'on-call', level: 1, chat: '#ops' },
      {
        role: 'hosting',
        vendor: true,
        phone: '+1 555 0199',
        note: 'contract 4711; ask for the second level and give the name of the machine',
      },
      { role: 'press', email: 'press@example.org' },
    ];
    expect(await shown(contacts, {}, contextOf({}, shop({ contacts: people })))).toMatchInlineSnapshot(`
      "
      level 1
        on-call  #ops

      level 2
        engineering manager  Grace, +1 555 0102

      without a level
        press  press@example.org

      vendors
        hosting  +1 555 0199, contract 4711; ask for the second level and give the
                 name of the machine
      "
    `);
  });
});

const plan: Plan = {
  target: 'production',
  summary: 'restart api',
  touches: [],
  steps: ['stop shop-api-prod', 'start shop-api-prod'].map((describe, index) => ({
    id: `s${index.toString()}`,
    describe,
    why: 'asked',
    timeoutMs: 1000,
    do: { port: 'engine', method: 'x', args: [] },
  })),
};
async function journalOf(
  ...changes: [id: string, begin: Partial<Extract<ChangeEvent, { type: 'begin' }>>, ...rest: ChangeEvent[]][]
): Promise<FakeJournal> {
  const journal = fakeJournal();
  for (const [id, begin, ...rest] of changes) {
    await journal.append(id, {
      type: 'begin',
      at: '2026-03-01T11:00:00.000Z',
      command: 'opsctl service restart api',
      input: {},
      actor: 'ada',
      host: 'laptop',
      plan,
      ...begin,
    });
    for (const event of rest) await journal.append(id, event);
  }
  return journal;
}
const holder = (more: Partial<LockHolder> = {}): LockHolder => ({
  id: 'l',
  owner: 'ada',
  host: 'laptop',
  pid: 42,
  command: 'opsctl service restart api',
  change: '20260301T110000Z-0001',
  since: '2026-03-01T11:00:00.000Z',
  heartbeatAt: '2026-03-01T11:59:55.000Z',
  ttlMs: 30_000,
  stale: false,
  ...more,
});
const lockOf = (held?: LockHolder): Pick<Readers, 'lock'> => ({
  lock: { holder: () => Promise.resolve(held), isFree: () => Promise.resolve(held === undefined) },
});
const end: ChangeEvent = { type: 'end', at: '2026-03-01T11:00:09.000Z', outcome: 'done', left: [] };

describe('history', () => {
  it('must mark an interrupted change with what to run', async () => {
    const journal = await journalOf(
      ['20260301T110000Z-0001', {}, { type: 'step-begin', at: NOW, step: 's0' }],
      ['20260301T100000Z-0002', {}, end],
    );
    expect(await shown(history, {}, contextOf({ journal, ...lockOf() }))).toMatchInlineSnapshot(`
      "
      CHANGE                 WHEN         OUTCOME      BY   WHAT
      20260301T110000Z-0001  03-01 11:00  interrupted  ada  restart api
      20260301T100000Z-0002  03-01 11:00  done         ada  restart api

      20260301T110000Z-0001 was interrupted; finish it or take it back:
        opsctl resume 20260301T110000Z-0001
        opsctl abort 20260301T110000Z-0001
      "
    `);
  });
  it('must not call a change interrupted while its lock lives, nor once it was recovered', async () => {
    const journal = await journalOf(
      ['20260301T110000Z-0001', {}],
      ['20260301T100000Z-0002', {}],
      ['20260301T103000Z-0003', { recovers: '20260301T100000Z-0002' }, end],
    );
    const data = (await history.run({ limit: 20 }, contextOf({ journal, ...lockOf(holder()) }))) as {
      changes: { outcome: string }[];
    };
    expect(data.changes.map(({ outcome }) => outcome)).toEqual(['running', 'done', 'recovered']);
  });
  it('must call a change interrupted when its lock is stale, or another change holds it', async () => {
    const journal = await journalOf(['20260301T110000Z-0001', {}]);
    for (const held of [holder({ stale: true }), holder({ change: '20260301T115900Z-0009' })]) {
      const data = (await history.run({ limit: 20 }, contextOf({ journal, ...lockOf(held) }))) as {
        changes: { outcome: string }[];
      };
      expect(data.changes.map(({ outcome }) => outcome)).toEqual(['interrupted']);
    }
  });
  it('must show one change step by step; a part of its id is enough', async () => {
    const journal = await journalOf([
      '20260301T110000Z-0001',
      { reason: 'leak' },
      { type: 'step-begin', at: NOW, step: 's0' },
      { type: 'step-done', at: NOW, step: 's0', durationMs: 5 },
      { type: 'step-failed', at: NOW, step: 's1', error: 'port is taken' },
      { type: 'undo-failed', at: NOW, step: 's0', error: 'container is gone' },
      { ...end, outcome: 'partial', left: ['shop-api-prod is stopped'], error: 'port is taken' },
    ]);
    expect(await shown(history, { change: '0001' }, contextOf({ journal, ...lockOf() }))).toMatchInlineSnapshot(`
      "
      change   20260301T110000Z-0001
      command  opsctl service restart api
      what     restart api
      when     2026-03-01 11:00:00, took 9 s
      by       ada on laptop
      why      leak
      outcome  partial
      error    port is taken

       1  left     stop shop-api-prod: container is gone
       2  failed   start shop-api-prod: port is taken

      left behind
        shop-api-prod is stopped

      20260301T110000Z-0001 is done in part; take it back:
        opsctl abort 20260301T110000Z-0001
      "
    `);
    await expect(shown(history, { change: 'x' }, contextOf({ journal, ...lockOf() }))).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'there is no change x',
    });
  });
  it('must show what commands of the user said, of each its last lines', async () => {
    const lines = Array.from({ length: 12 }, (_, at) => `line ${at.toString()}`);
    const journal = await journalOf([
      '20260301T110000Z-0001',
      {},
      { type: 'step-done', at: NOW, step: 's0', durationMs: 5, output: 'all is well' },
      { type: 'step-failed', at: NOW, step: 's1', error: 'hook sh failed', output: `${lines.join('\n')}\n` },
      { ...end, outcome: 'rolled-back' },
    ]);
    const context = contextOf({ journal, ...lockOf() });
    const text = await shown(history, { change: '0001' }, context);
    expect(text).toContain('stop shop-api-prod\n             all is well\n');
    expect(text).toContain('hook sh failed\n             line 2\n');
    expect(text).toContain('             line 11\n');
    const { steps } = (await history.run({ change: '0001', limit: 20 }, context)) as { steps: { output?: string }[] };
    expect(steps.map(({ output }) => output)).toEqual(['all is well', `${lines.join('\n')}\n`]);
  });
});

describe('lock', () => {
  const engine = shopEngine();
  it('must say that it is free', async () => {
    expect(await shown(lock, {}, contextOf({ engine, ...lockOf() }))).toBe(
      '\nthe lock is free: no change is running\n',
    );
  });
  it('must name the holder, its signs of life and the next command', async () => {
    const journal = await journalOf(['20260301T110000Z-0001', {}]);
    expect(await shown(lock, {}, contextOf({ engine, journal, ...lockOf(holder()) }))).toMatchInlineSnapshot(`
      "
      held by  ada on laptop, process 42
      for      opsctl service restart api
      change   20260301T110000Z-0001
      since    2026-03-01 11:00:00, 1 h ago
      state    alive: last sign of life 5 s ago

      next
        opsctl history 20260301T110000Z-0001
      "
    `);
  });
  it('must offer to finish or take back what a dead holder left; to release when there is nothing', async () => {
    const stale = lockOf(holder({ stale: true, heartbeatAt: '2026-03-01T11:50:00.000Z' }));
    expect(
      await shown(lock, {}, contextOf({ engine, journal: await journalOf(['20260301T110000Z-0001', {}]), ...stale })),
    ).toMatchInlineSnapshot(`
      "
      held by  ada on laptop, process 42
      for      opsctl service restart api
      change   20260301T110000Z-0001
      since    2026-03-01 11:00:00, 1 h ago
      state    stale: no sign of life for 10 min, the limit is 30 s

      next
        opsctl history 20260301T110000Z-0001
        opsctl resume 20260301T110000Z-0001
        opsctl abort 20260301T110000Z-0001
      "
    `);
    expect(await shown(lock, {}, contextOf({ engine, journal: fakeJournal(), ...stale }))).toContain(
      "opsctl lock release --reason '<why>'",
    );
  });
  it('must be the same to break when its holder fell silent meanwhile, another when it is another', async () => {
    const plans = [holder(), holder({ stale: true }), holder({ id: 'next', change: '20260301T120000Z-0002' })].map(
      (one) => release.plan({}, contextOf({ engine, ...lockOf(one) })),
    );
    const [alive, silent, another] = await Promise.all(plans);
    expect([alive?.seen, silent?.seen]).toEqual([
      ['its holder is alive, and will stop before its next step'],
      ['its holder gives no sign of life'],
    ]);
    if (alive === undefined || silent === undefined || another === undefined) throw new Error('three were planned');
    expect([samePlan(alive, silent), samePlan(silent, another)]).toEqual([true, false]);
  });
});
