import type { Duplex } from 'node:stream';
import { OpsError } from '../core/errors.ts';
import { within } from './dial.ts';

/*
 * Runs inside the container, where only what its image brings can be used: bash, nc or socat. It says
 * `+` before the first byte of the server, or one line that tells why not. When either side ends, the
 * other is ended too: a tunnel must not leave a process, and with it a connection, behind.
 */
const RELAY = `
port=$1
if command -v bash >/dev/null 2>&1; then exec bash -c '
  exec 3<>/dev/tcp/127.0.0.1/$1 || { echo refused; exit 1; }
  echo +
  exec 4<&0
  cat <&3 & from=$!
  cat <&4 >&3 & to=$!
  wait -n
  kill $from $to' bash "$port" 2>/dev/null
fi
if command -v nc >/dev/null 2>&1; then echo +; exec nc 127.0.0.1 "$port" 2>/dev/null; fi
if command -v socat >/dev/null 2>&1; then echo +; exec socat - "TCP:127.0.0.1:$port" 2>/dev/null; fi
echo program`;

/** The argv to run in a container so that its stdin and stdout are a connection to one of its own ports. */
export const relayArgv = (port: number): string[] => ['sh', '-c', RELAY, 'opsctl-tunnel', String(port)];

const LONGEST_GREETING = 64;

/**
 * Waits for the relay's first line and gives the stream back at the server's first byte.
 * @throws UNREACHABLE, TIMED_OUT
 */
export async function greet(subject: string, container: string, stream: Duplex, ms: number): Promise<Duplex> {
  const late = (): OpsError =>
    new OpsError('TIMED_OUT', `the tunnel through ${container} to ${subject} does not open within ${ms} ms`);
  // An error between two uses must not end the program; whoever uses the stream listens for itself.
  stream.on('error', () => undefined);
  try {
    const line = await within(ms, firstLine(stream), late);
    if (line === '+') return stream;
    if (line === 'refused') {
      throw new OpsError('UNREACHABLE', `${subject} refuses connections inside container ${container}`, {
        hint: 'See what it says and whether it runs: opsctl status.',
      });
    }
    throw new OpsError('UNREACHABLE', `${subject} cannot be reached through container ${container}`, {
      hint: 'A tunnel needs sh and one of bash, nc and socat in the image. Publish the port on 127.0.0.1 or set url, then run: opsctl config check.',
    });
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

/** The text before the first line feed; what follows stays in the stream. An early end gives what there is. */
function firstLine(stream: Duplex): Promise<string> {
  return new Promise((resolve) => {
    let seen = Buffer.alloc(0);
    const finish = (line: string, rest?: Buffer): void => {
      stream.off('readable', read).off('end', end).off('close', end);
      if (rest !== undefined && rest.length > 0) stream.unshift(rest);
      resolve(line);
    };
    const end = (): void => finish(seen.toString('latin1'));
    const read = (): void => {
      for (let chunk: unknown = stream.read(); chunk !== null; chunk = stream.read()) {
        seen = Buffer.concat([seen, chunk as Buffer]);
        const at = seen.indexOf(10);
        if (at >= 0) return finish(seen.subarray(0, at).toString('latin1'), seen.subarray(at + 1));
        if (seen.length > LONGEST_GREETING) return finish('');
      }
    };
    stream.on('readable', read).on('end', end).on('close', end);
  });
}
