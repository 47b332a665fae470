/** What goes over a connection to PostgreSQL before a session begins: the request for TLS, and the request to cancel another's. */
import type { Duplex } from 'node:stream';

import { OpsError } from '../../core/errors.ts';
import { secure, within, type TlsChoice } from '../dial.ts';
import { atItself } from '../where-seen.ts';
import type { Asked } from './failure.ts';

/** Length and code (PostgreSQL documentation, "Message Formats"). */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const CANCEL_REQUEST = [0, 0, 0, 16, 4, 210, 22, 46];
/** A cancellation as a whole, in ms: a command that is interrupted waits for it. */
const CANCEL_MS = 1000;

/**
 * Asks the server for TLS as the protocol says (SSLRequest: one byte, S or N, comes back) and puts it on.
 * @throws UNREACHABLE when TLS is wanted and the server has none, or the certificate is not trusted
 */
export async function negotiate(asked: Asked, stream: Duplex, choice: TlsChoice, ms: number): Promise<Duplex> {
  if (choice.mode === 'off') return stream;
  const { subject } = asked;
  const started = performance.now();
  const answer = new Promise<string>((resolve) => {
    // More than one byte before the handshake would be bytes of somebody in between (CVE-2021-23222).
    stream.once('data', (chunk: Buffer) => resolve(chunk.length === 1 ? chunk.toString('latin1') : ''));
    stream.once('close', () => resolve(''));
  });
  stream.write(SSL_REQUEST);
  const said = await within(ms, answer, () => {
    stream.destroy();
    return new OpsError('TIMED_OUT', `${subject} accepts connections but does not answer the request for TLS in time`, {
      hint: `The server hangs or is paused. ${atItself(asked.service)}`,
    });
  });
  if (said === 'S') return secure(subject, stream, choice, Math.max(1, ms - (performance.now() - started)));
  if (said === 'N' && choice.mode === 'prefer') return stream;
  stream.destroy();
  throw new OpsError(
    'UNREACHABLE',
    said === 'N' ? `${subject} does not speak TLS` : `${subject} answers the request for TLS with something else`,
    {
      hint: 'If its bytes may travel unprotected, add ?sslmode=disable to its url (or leave out tls), then run: opsctl config check.',
    },
  );
}

/**
 * Asks the server to cancel what a session of ours runs: over a connection of its own by the same way, as the protocol wants
 * it. The server answers nothing and closes it. That it cannot be asked is no error: the statement has its own time.
 */
export async function cancelRunning(
  asked: Asked,
  connect: () => Promise<Duplex>,
  choice: TlsChoice,
  { processId, secret }: { processId: number; secret: number },
): Promise<void> {
  const request = Buffer.alloc(16);
  request.set(CANCEL_REQUEST);
  request.writeInt32BE(processId, 8);
  request.writeInt32BE(secret, 12);
  let bytes: Duplex | undefined;
  let late = false;
  const send = async (): Promise<void> => {
    const stream = await connect();
    bytes = stream;
    if (late) return void stream.destroy();
    bytes = await negotiate(asked, stream, choice, CANCEL_MS);
    const closed = new Promise((resolve) => bytes?.once('close', resolve).once('end', resolve).once('error', resolve));
    bytes.resume().write(request);
    await closed;
  };
  const over = (): OpsError => {
    late = true;
    return new OpsError('TIMED_OUT', `${asked.subject} does not take the request to cancel within ${CANCEL_MS} ms`);
  };
  await within(CANCEL_MS, send(), over).catch(() => undefined);
  bytes?.destroy();
}
