/** Where this machine gets Debian packages from, so that images are built from the same place. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDebianLike, osId } from '../scripts/packages.ts';

const FOLDER = '/etc/apt/sources.list.d';

/** The mirror in the machine's apt sources; undefined on Ubuntu and elsewhere: Debian's own then. */
export function debianMirror(): string | undefined {
  if (!isDebianLike() || osId() !== 'debian') return undefined;
  const texts = [
    read('/etc/apt/sources.list'),
    ...list(FOLDER)
      .filter((name) => /\.(list|sources)$/.test(name))
      .toSorted()
      .map((name) => read(join(FOLDER, name))),
  ];
  return texts.flatMap(mirrorsIn).find((uri) => /\/debian\/?$/.test(uri));
}

/** The addresses in a sources file, whether in one-line or in deb822 form. */
export function mirrorsIn(text: string): string[] {
  const lines = text.split('\n').filter((line) => !line.trimStart().startsWith('#'));
  return lines.flatMap((line) => {
    if (!/^\s*(deb\s|URIs:)/i.test(line)) return [];
    return line.match(/\bhttps?:\/\/\S+/g) ?? [];
  });
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
