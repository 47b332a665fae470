/** Uploads: files on a volume, bounded in size and number so that the demo never fills a disk. */
import { mkdir, readdir, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HttpError, json, readBody, type Route } from '../service/http.ts';

const FOLDER = process.env['UPLOADS'] ?? '/data/uploads';
const MAX_BYTES = 1_000_000;
const MAX_FILES = 200;

/** Written under another name first: a reader, or a backup, never sees half a file. */
async function save(name: string, content: Buffer): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  const draft = join(FOLDER, `.${name}.${process.pid}.${Date.now()}`);
  await writeFile(draft, content);
  await rename(draft, join(FOLDER, name));
}

async function names(): Promise<string[]> {
  const all = await readdir(FOLDER).catch(() => []);
  return all.filter((name) => !name.startsWith('.'));
}

async function dropOldest(): Promise<void> {
  const all = await names();
  if (all.length <= MAX_FILES) return;
  const aged = await Promise.all(
    all.map(async (name) => ({
      name,
      time: (await stat(join(FOLDER, name)).catch(() => undefined))?.mtimeMs ?? 0,
    })),
  );
  aged.sort((a, b) => a.time - b.time);
  for (const { name } of aged.slice(0, all.length - MAX_FILES)) {
    await unlink(join(FOLDER, name)).catch(() => {});
  }
}

export const uploadRoutes: Route[] = [
  {
    method: 'POST',
    path: '/api/uploads/:name',
    handle: async ({ request, params }) => {
      const name = params['name'] ?? '';
      if (!/^[A-Za-z0-9][\w.-]{0,80}$/.test(name)) {
        throw new HttpError(400, 'a name has 1 to 81 letters, digits, dots, dashes or underscores');
      }
      const content = await readBody(request, MAX_BYTES);
      await save(name, content);
      await dropOldest();
      return json({ name, bytes: content.length }, 201);
    },
  },
  {
    method: 'GET',
    path: '/api/uploads',
    handle: async () => json({ files: (await names()).toSorted() }),
  },
];
