/** Files of this machine that others name: a limit and a deadline hold whatever stands at the path. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** A file system of another machine may never answer. */
const DEADLINE_MS = 5000;
/** Read in pieces, so that a small file takes little memory. */
const PIECE = 64 * 1024;

/** Bytes of a file of certificates; all of the public web's authorities together take a quarter of a MiB. */
export const LARGEST_PEM = 4 * 1024 * 1024;

/** Bytes of a file. `whole` is false when it has more than the limit; `bytes` are its beginning then. */
export interface Capped {
  bytes: Buffer;
  whole: boolean;
}

/**
 * Reads at most `limit` bytes of a regular file. A FIFO is never waited for, and a device never read: their size says
 * nothing, and opening one may already do something.
 * @throws NodeJS.ErrnoException: as open and read do; code ENOTREG for what is no regular file, ETIMEDOUT after 5 s
 */
export async function readCapped(file: string, limit: number, deadlineMs = DEADLINE_MS): Promise<Capped> {
  let expire: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    expire = setTimeout(() => {
      reject(failure('ETIMEDOUT', `${file} was not read within ${deadlineMs.toString()} ms`));
    }, deadlineMs);
  });
  try {
    return await Promise.race([readNow(file, limit), expired]);
  } finally {
    clearTimeout(expire);
  }
}

/** Why a file could not be read, to follow its name. */
export function whyUnread(thrown: unknown): string {
  const code = (thrown as NodeJS.ErrnoException).code ?? 'unknown error';
  if (code === 'ENOTREG') return 'is no regular file';
  return code === 'EISDIR' ? 'is a directory' : `cannot be read: ${code}`;
}

async function readNow(file: string, limit: number): Promise<Capped> {
  // Without waiting for a FIFO's writer. Windows has neither the flag nor FIFOs in its file system.
  await using handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  const kind = await handle.stat();
  if (kind.isDirectory()) throw failure('EISDIR', `${file} is a directory`);
  if (!kind.isFile()) throw failure('ENOTREG', `${file} is no regular file`);
  const pieces: Buffer[] = [];
  let length = 0;
  // A file of /proc or one that grows has another size than it says, so that what is read counts.
  while (length <= limit) {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(Math.min(PIECE, limit + 1 - length)));
    if (bytesRead === 0) return { bytes: Buffer.concat(pieces), whole: true };
    pieces.push(buffer.subarray(0, bytesRead));
    length += bytesRead;
  }
  return { bytes: Buffer.concat(pieces).subarray(0, limit), whole: false };
}

const failure = (code: string, message: string): NodeJS.ErrnoException => Object.assign(new Error(message), { code });
