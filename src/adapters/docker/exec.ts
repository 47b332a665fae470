/** Programs run inside a container, through the engine. */
import { Duplex } from 'node:stream';
import * as z from 'zod';

import { OpsError } from '../../core/errors.ts';
import { named, type Call, type DockerClient } from './client.ts';
import { startDeadline } from './deadline.ts';
import { badAnswer, networkFailure } from './failures.ts';
import { frameReader, type FramePiece } from './frames.ts';

export interface ExecOptions {
  /** For the whole run. Default 5 s. */
  timeoutMs?: number;
  /** Bytes kept of stdout and of stderr, each; the rest is thrown away. Default 1 MiB. */
  outputLimit?: number;
  signal?: AbortSignal;
}

export interface ExecResult {
  exitCode: number;
  stdout: string;
  stderr: string;
  /** True when some output was thrown away. */
  truncated: boolean;
}

const DEFAULT_TIMEOUT_MS = 5000;
/** Bytes of what a failing program says that are kept. */
const COMPLAINT_LIMIT = 2000;
const DEFAULT_OUTPUT_LIMIT = 1024 * 1024;

const created = z.object({ Id: z.string() });
const inspected = z.object({ ExitCode: z.number().nullable(), Running: z.boolean() });

/**
 * Runs a program in a container and waits for it. A program that is not there gives exit code 126 or 127.
 * The engine cannot end an exec: after TIMED_OUT the program may still run in the container.
 * @throws NOT_FOUND, REJECTED (not running, paused), TIMED_OUT
 */
export async function exec(
  docker: DockerClient,
  id: string,
  argv: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const ms = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const started = performance.now();
  const left = (): number => Math.max(1, Math.ceil(ms - (performance.now() - started)));
  const { signal } = options;
  const exec = await create(docker, id, argv, { timeoutMs: left(), signal, stdin: false });
  const call: Call = { ...startCall(id, argv, exec), timeoutMs: left(), signal };
  const limit = options.outputLimit ?? DEFAULT_OUTPUT_LIMIT;
  const kept = { stdout: keeper(limit), stderr: keeper(limit) };
  const response = await docker.stream(call);
  const deadline = startDeadline(left(), signal);
  const end = (): void => void response.destroy();
  deadline.signal.addEventListener('abort', end, { once: true });
  if (deadline.signal.aborted) end();
  try {
    const read = frameReader();
    for await (const chunk of response as AsyncIterable<Buffer>) {
      for (const { stream, data } of frames(docker, call, read, chunk)) kept[stream].add(data);
    }
  } catch (error) {
    if (error instanceof OpsError) throw error;
    throw networkFailure(docker.host, call, error as NodeJS.ErrnoException, {
      expired: deadline.expired(),
      aborted: signal?.aborted === true,
      ms,
    });
  } finally {
    deadline.clear();
    response.destroy();
  }
  return {
    exitCode: await exitCode(docker, exec, left()),
    stdout: kept.stdout.text(),
    stderr: kept.stderr.text(),
    truncated: kept.stdout.full() || kept.stderr.full(),
  };
}

/**
 * Runs a program in a container with its stdin and stdout as one stream of raw bytes: the way to a port that is
 * published nowhere, through a program in the container that relays bytes. Ending the writable side ends its
 * stdin. When the program says nothing at all and fails, the stream ends with an error that holds what it
 * wrote to stderr: REJECTED when the program is not there (126, 127), NOT_READY otherwise.
 * @throws NOT_FOUND, REJECTED, TIMED_OUT until the program was started
 */
export async function tunnel(docker: DockerClient, id: string, argv: readonly string[]): Promise<Duplex> {
  const exec = await create(docker, id, argv, { stdin: true });
  const call = startCall(id, argv, exec);
  const socket = await docker.hijack(call);
  const read = frameReader();
  const complaint = keeper(COMPLAINT_LIMIT);
  let received = 0;
  const stream = new Duplex({
    read: () => void socket.resume(),
    write: (chunk: Buffer, _encoding, done) => void socket.write(chunk, (error) => done(error ?? null)),
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  const finish = async (): Promise<void> => {
    // The runtime's complaint about a program that is not there comes as if the program had written it.
    const doubtful = received < COMPLAINT_LIMIT && !stream.destroyed;
    const code = doubtful ? await exitCode(docker, exec, DEFAULT_TIMEOUT_MS).catch(() => 0) : 0;
    const missing = code === 126 || code === 127;
    if (!missing && (code === 0 || received > 0)) return void stream.push(null);
    const text = complaint.text().trim();
    stream.destroy(
      new OpsError(
        missing ? 'REJECTED' : 'NOT_READY',
        missing
          ? `container ${id} has no program ${argv[0] ?? ''} to tunnel through`
          : `the tunnel through container ${id} ended at once with exit code ${code}`,
        { details: { exitCode: code, text } },
      ),
    );
  };
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const piece of frames(docker, call, read, chunk)) {
        if (piece.stream === 'stderr') complaint.add(piece.data);
        else {
          received += piece.data.length;
          if (!stream.push(piece.data)) socket.pause();
        }
      }
    } catch (error) {
      stream.destroy(error as Error);
    }
  });
  socket.on('end', () => void finish());
  socket.on('error', (error: NodeJS.ErrnoException) =>
    stream.destroy(networkFailure(docker.host, call, error, { expired: false, aborted: false, ms: 0 })),
  );
  socket.on('close', () => {
    if (!socket.readableEnded) stream.destroy();
  });
  return stream;
}

async function create(
  docker: DockerClient,
  id: string,
  argv: readonly string[],
  how: { stdin: boolean; timeoutMs?: number; signal?: AbortSignal | undefined },
): Promise<string> {
  const call: Call = {
    method: 'POST',
    path: `/containers/${named('container', id)}/exec`,
    json: { AttachStdin: how.stdin, AttachStdout: true, AttachStderr: true, Tty: false, Cmd: argv },
    asked: `run ${argv[0] ?? 'nothing'} in container ${id}`,
    thing: `container ${id}`,
    ...(how.timeoutMs !== undefined && { timeoutMs: how.timeoutMs }),
    signal: how.signal,
  };
  return (await docker.json(call, created)).Id;
}

const startCall = (id: string, argv: readonly string[], exec: string): Call => ({
  method: 'POST',
  path: `/exec/${named('exec', exec)}/start`,
  json: { Detach: false, Tty: false },
  asked: `run ${argv[0] ?? 'nothing'} in container ${id}`,
});

/** The exit code of an exec whose output has ended; the engine may notice the end a moment later. */
async function exitCode(docker: DockerClient, exec: string, ms: number): Promise<number> {
  const call: Call = { path: `/exec/${named('exec', exec)}/json`, asked: 'tell how a program ended', timeoutMs: ms };
  const until = performance.now() + ms;
  for (;;) {
    const { Running, ExitCode } = await docker.json(call, inspected);
    if (!Running && ExitCode !== null) return ExitCode;
    if (performance.now() > until)
      throw networkFailure(docker.host, call, new Error('still running'), { expired: true, aborted: false, ms });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function frames(docker: DockerClient, call: Call, read: (chunk: Buffer) => FramePiece[], chunk: Buffer): FramePiece[] {
  try {
    return read(chunk);
  } catch (error) {
    throw badAnswer(docker.host, call, 'its output is not framed', error);
  }
}

/** Keeps the first bytes of a stream. */
function keeper(limit: number): { add: (data: Buffer) => void; text: () => string; full: () => boolean } {
  const kept: Buffer[] = [];
  let size = 0;
  let over = false;
  return {
    add: (data) => {
      const part = data.subarray(0, limit - size);
      over ||= part.length < data.length;
      size += part.length;
      if (part.length > 0) kept.push(Buffer.from(part));
    },
    text: () => Buffer.concat(kept).toString('utf8'),
    full: () => over,
  };
}
