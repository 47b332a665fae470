/** TCP connections of a container, as its kernel lists them. */
import { readFile } from 'node:fs/promises';

/** `/proc/net/tcp`: the state of a connection that is open in both directions. */
const ESTABLISHED = '01';

/** Remote addresses of the established connections in the text of `/proc/net/tcp` or `tcp6`; IPv4 within IPv6 as IPv4. */
export function remoteAddresses(table: string): string[] {
  return table.split('\n').flatMap((line) => {
    const [, , remote = '', state] = line.trim().split(/\s+/);
    const [hex = ''] = remote.split(':');
    return state === ESTABLISHED && /^(?:[0-9A-F]{8}){1,4}$/i.test(hex) ? [addressOf(hex)] : [];
  });
}

/** Whether a text begins as the kernel's table of connections does. */
export const isTable = (text: string): boolean => /^\s*sl\s+local_address\s/.test(text);

/** Addresses stand there as 32-bit words, each with its bytes in the order of a little-endian machine. */
function addressOf(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).toReversed().map((byte) => Number.parseInt(byte, 16)),
  );
  const mapped = bytes.length === 16 && bytes.slice(0, 12).join() === '0,0,0,0,0,0,0,0,0,0,255,255';
  if (bytes.length === 4 || mapped) return bytes.slice(-4).join('.');
  return Array.from({ length: 8 }, (_, at) =>
    (((bytes[at * 2] ?? 0) << 8) | (bytes[at * 2 + 1] ?? 0)).toString(16),
  ).join(':');
}

/** The tables of a process on this machine; undefined when they cannot be read. */
export async function tablesOf(pid: number): Promise<string | undefined> {
  const read = (name: string): Promise<string> => readFile(`/proc/${pid.toString()}/net/${name}`, 'utf8');
  try {
    // Without IPv6 there is no second table.
    return `${await read('tcp')}\n${await read('tcp6').catch(() => '')}`;
  } catch {
    return undefined;
  }
}
