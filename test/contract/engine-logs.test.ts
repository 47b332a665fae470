/** Logs of every kind, from a real engine. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { DockerClient } from '../../src/adapters/docker/client.ts';
import { openEngine, type Engine } from '../../src/adapters/docker/engine.ts';
import { CUT_MARK, LINE_LIMIT } from '../../src/adapters/docker/log-lines.ts';
import type { LogLine, LogQuery } from '../../src/core/ports/engine.ts';
import { waitUntil } from '../support/process.ts';
import { removeContainer, runContainer, testDocker, type TestContainer } from '../support/test-containers.ts';

let docker: DockerClient;
let engine: Engine;
const made: string[] = [];

beforeAll(() => {
  docker = testDocker();
  engine = openEngine(docker);
});
afterEach(async () => void (await Promise.all(made.splice(0).map((id) => removeContainer(docker, id)))));
afterAll(() => docker.close());

const box = async (script: string, more: Partial<TestContainer> = {}): Promise<string> => {
  const id = await runContainer(docker, { argv: ['sh', '-c', script], ...more });
  made.push(id);
  return id;
};
const ended = async (id: string): Promise<string> => {
  await waitUntil(
    () => engine.isStopped(id),
    () => 'never ended',
  );
  return id;
};
const logOf = async (id: string, query: LogQuery = {}): Promise<LogLine[]> => {
  const lines: LogLine[] = [];
  for await (const line of engine.logs(id, query)) lines.push(line);
  return lines;
};

describe('logs', () => {
  it('tells stdout from stderr and stamps every line with nanoseconds', async () => {
    const lines = await logOf(await ended(await box('echo out; sleep 0.2; echo err >&2')));
    expect(lines.map((line) => [line.stream, line.text])).toEqual([
      ['stdout', 'out'],
      ['stderr', 'err'],
    ]);
    for (const line of lines) expect(line.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  });

  it('puts lines of many messages together, and cuts those of 3 MB with a mark', async () => {
    const id = await ended(
      await box("head -c 40000 /dev/zero | tr '\\0' a; echo; head -c 3000000 /dev/zero | tr '\\0' b; echo; echo after"),
    );
    const [whole, cut, after] = (await logOf(id)).map((line) => line.text);
    expect(whole).toBe('a'.repeat(40_000));
    expect(cut).toBe('b'.repeat(LINE_LIMIT) + CUT_MARK);
    expect(after).toBe('after');
  });

  it('cuts between characters', async () => {
    const id = await ended(
      await box(
        `i=0; s=$(printf 'x'; while [ $i -lt 1000 ]; do printf '€€€€€€€€€€'; i=$((i+1)); done); printf "$s$s$s\\n"`,
      ),
    );
    const [line] = await logOf(id);
    // In between, where the engine splits what it logs every 16 KiB, it breaks characters itself.
    expect(line?.text.endsWith(`€${CUT_MARK}`)).toBe(true);
  });

  it('gives bytes that are no text as replacement characters, and a last line without its line feed', async () => {
    const id = await ended(await box("printf '\\001\\377\\376\\000x\\nlast'"));
    expect((await logOf(id)).map((line) => line.text)).toEqual(['\u0001\ufffd\ufffd\u0000x', 'last']);
  });

  it('reads containers with a terminal, long lines too', async () => {
    const id = await ended(await box("echo one; head -c 40000 /dev/zero | tr '\\0' t; echo; echo two", { tty: true }));
    expect((await logOf(id)).map((line) => [line.stream, line.text])).toEqual([
      ['stdout', 'one'],
      ['stdout', 't'.repeat(40_000)],
      ['stdout', 'two'],
    ]);
  });

  it('follows until it is told to stop, and until the container ends', async () => {
    const id = await box('i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done');
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const line of engine.logs(id, { follow: true, signal: stop.signal })) {
      seen.push(line.text);
      if (seen.length === 3) stop.abort();
    }
    expect(seen.slice(0, 3)).toEqual(['1', '2', '3']);
    const short = await box('echo a; sleep 0.5; echo b');
    expect((await logOf(short, { follow: true })).map((line) => line.text)).toEqual(['a', 'b']);
  });

  it('reads between two times, to the nanosecond', async () => {
    const id = await ended(await box('echo a; sleep 0.2; echo b; sleep 0.2; echo c'));
    const [, b, c] = await logOf(id);
    expect((await logOf(id, { since: b?.at ?? '' })).map((line) => line.text)).toEqual(['b', 'c']);
    expect((await logOf(id, { since: b?.at ?? '', until: b?.at ?? '' })).map((line) => line.text)).toEqual(['b']);
    expect((await logOf(id, { until: c?.at ?? '' })).length).toBe(3);
  });

  it('stops reading when nobody wants more, with bounded memory', async () => {
    const id = await box(
      'yes 0123456789012345678901234567890123456789012345678901234567890123456789 | head -n 300000; sleep 60',
    );
    const before = process.memoryUsage().rss;
    let count = 0;
    for await (const line of engine.logs(id, { follow: true })) {
      count += line.text.length > 0 ? 1 : 0;
      if (count === 100_000) break;
    }
    expect(count).toBe(100_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  });
});
