import type { IncomingMessage } from 'node:http';
import { createBrotliDecompress, createUnzip } from 'node:zlib';
import type { Transform } from 'node:stream';

import { OpsError } from '../../core/errors.ts';

export interface Body {
  /** Decoded, at most the limit. */
  bytes: Buffer;
  truncated: boolean;
  /** Bytes received, as they came (compressed ones if it was compressed). */
  size: number;
}

/**
 * Reads the body of an answer until it ends or has more than `limit` decoded bytes; the rest is not read.
 * Decoding stops with it, so that a small body which decompresses to a huge one costs no more than the limit.
 * @throws OpsError BAD_ANSWER for an encoding that is unknown or damaged; errors of the connection as Node gives them
 */
export async function readBody(answer: IncomingMessage, limit: number, label: string): Promise<Body> {
  const chunks: Buffer[] = [];
  let size = 0;
  let kept = 0;
  let decoder: Transform | undefined;
  try {
    return await new Promise<Body>((resolve, reject) => {
      const finish = (truncated: boolean): void => {
        resolve({ bytes: Buffer.concat(chunks).subarray(0, limit), truncated, size });
      };
      const keep = (chunk: Buffer): void => {
        if (kept > limit) return;
        chunks.push(chunk);
        kept += chunk.length;
        if (kept > limit) finish(true);
      };
      decoder = decoderFor(answer, label);
      answer.on('error', reject);
      answer.on('data', (chunk: Buffer) => (size += chunk.length));
      if (decoder === undefined) {
        answer.on('data', keep);
        answer.on('end', () => finish(false));
        return;
      }
      decoder.on('data', keep);
      decoder.on('end', () => finish(false));
      decoder.on('error', (thrown) => {
        // An answer to HEAD, or one without a body, says how it would be encoded and has nothing to decode.
        if (size === 0) finish(false);
        else reject(new OpsError('BAD_ANSWER', `${label} sent a damaged compressed body`, { cause: thrown }));
      });
      answer.pipe(decoder);
    });
  } finally {
    if (decoder !== undefined) {
      answer.unpipe(decoder);
      decoder.destroy();
    }
  }
}

/** None was asked for; some servers compress all the same. */
function decoderFor(answer: IncomingMessage, label: string): Transform | undefined {
  const encoding = (answer.headers['content-encoding'] ?? '').trim().toLowerCase();
  if (encoding === '' || encoding === 'identity') return undefined;
  if (encoding === 'br') return createBrotliDecompress();
  if (encoding === 'gzip' || encoding === 'x-gzip' || encoding === 'deflate') return createUnzip();
  throw new OpsError('BAD_ANSWER', `${label} sent a body in an encoding that opsctl does not know`, {
    details: { encoding: encoding.slice(0, 80) },
  });
}

/** Text of a body; a character that the limit cut in two is left out, bytes that are not UTF-8 become U+FFFD. */
export function bodyText(body: Body): string {
  return new TextDecoder().decode(body.bytes, { stream: body.truncated });
}
