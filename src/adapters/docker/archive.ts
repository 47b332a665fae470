/** Files of a container, running or not, through the engine's archive API. */
import type { IncomingHttpHeaders } from 'node:http';
import { posix } from 'node:path';
import tar from 'tar-stream';
import * as z from 'zod';

import { OpsError } from '../../core/errors.ts';
import { named, type Call, type DockerClient } from './client.ts';
import { badAnswer } from './failures.ts';

/** A file of an archive that was read. */
export interface ArchiveFile {
  /** Relative to the directory that holds what was asked for: `etc/hosts` for `/etc`. */
  name: string;
  type: 'file' | 'directory' | 'symlink' | 'other';
  size: number;
  /** ISO 8601, as the container's file system says. */
  modifiedAt: string;
  linkTarget?: string;
  /** Empty for what is no file, and for files above the limit of one file. */
  data: Buffer;
}

export interface ArchiveLimits {
  /** Bytes of the whole archive. Default 32 MiB. @throws BAD_ANSWER above */
  total?: number;
  /** Bytes of one file; the data of larger ones is left out. Default: as the total. */
  file?: number;
  timeoutMs?: number;
  /** Told what is at the path before it is sent; what it throws ends the reading. */
  look?: (found: PathStat) => void;
}

/** A file to put. Directories on the way are made. */
export interface NewFile {
  name: string;
  data: string | Buffer;
  mode?: number;
  /** Makes it a symbolic link, relative to its own directory. */
  linkTarget?: string;
  modifiedAt?: Date;
}

const DEFAULT_TOTAL = 32 * 1024 * 1024;
/** Hops of symbolic links followed, as the kernel does it. */
const MOST_LINKS = 40;

/** Reads a file or a directory with all below it. Links are given as links. @throws NOT_FOUND */
export async function getArchive(
  docker: DockerClient,
  id: string,
  path: string,
  limits: ArchiveLimits = {},
): Promise<ArchiveFile[]> {
  const total = limits.total ?? DEFAULT_TOTAL;
  const call: Call = {
    ...archiveCall(id, path),
    asked: `read ${path} in container ${id}`,
    limit: total,
    ...(limits.look !== undefined && { head: (headers) => limits.look?.(statOf(docker, call, headers)) }),
    ...(limits.timeoutMs !== undefined && { timeoutMs: limits.timeoutMs }),
  };
  const { body } = await docker.request(call);
  try {
    return await unpack(body, limits.file ?? total);
  } catch (error) {
    throw badAnswer(docker.host, call, 'the archive is damaged', error);
  }
}

/** Writes files below a directory of a container. Each is replaced as a whole; a directory of that name is removed first. */
export async function putArchive(
  docker: DockerClient,
  id: string,
  path: string,
  files: readonly NewFile[],
  timeoutMs?: number,
): Promise<void> {
  const pack = tar.pack();
  for (const { name, data, mode, linkTarget, modifiedAt } of files) {
    const header = { name, mode: mode ?? 0o644, mtime: modifiedAt ?? new Date(0) };
    if (linkTarget === undefined) pack.entry(header, data);
    else pack.entry({ ...header, type: 'symlink', linkname: linkTarget });
  }
  pack.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of pack as AsyncIterable<Buffer>) chunks.push(chunk);
  await docker.request({
    ...archiveCall(id, path),
    method: 'PUT',
    bytes: Buffer.concat(chunks),
    // With another type the engine may take the body for a form, write nothing and answer 200.
    contentType: 'application/x-tar',
    asked: `write to ${path} in container ${id}`,
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
}

const stat = z.object({
  name: z.string(),
  size: z.number(),
  mode: z.number(),
  mtime: z.string(),
  linkTarget: z.string(),
});
/** What the engine says of a path; `mode` as Go writes it. */
export type PathStat = z.infer<typeof stat>;

/** Every answer about a path describes it in its head. */
function statOf(docker: DockerClient, call: Call, headers: IncomingHttpHeaders): PathStat {
  try {
    return stat.parse(
      JSON.parse(Buffer.from(String(headers['x-docker-container-path-stat']), 'base64').toString('utf8')),
    );
  } catch (error) {
    throw badAnswer(docker.host, call, 'it does not describe the file', error);
  }
}

/** What is at a path, without reading it; undefined when nothing is. */
export async function statPath(docker: DockerClient, id: string, path: string): Promise<PathStat | undefined> {
  const call: Call = {
    ...archiveCall(id, path),
    method: 'HEAD',
    asked: `look at ${path} in container ${id}`,
    accept: [404],
  };
  const { status, headers } = await docker.request(call);
  return status === 404 ? undefined : statOf(docker, call, headers);
}

/**
 * The text of one file; links are followed inside the container's own file system, at most `limit` bytes.
 * @throws NOT_FOUND, REJECTED for a directory or a file that is too large
 */
export async function readFile(docker: DockerClient, id: string, path: string, limit: number): Promise<string> {
  const call: Call = { ...archiveCall(id, path), asked: `read ${path} in container ${id}` };
  // A large file or a directory would be sent as a whole.
  const look = ({ size, mode }: PathStat): void => {
    if (size > limit)
      throw new OpsError('REJECTED', `${path} in container ${id} is larger than ${limit} bytes`, { details: { size } });
    if ((mode & MODE_DIRECTORY) !== 0) throw new OpsError('REJECTED', `${path} in container ${id} is a directory`);
  };
  let at = posix.resolve('/', path);
  for (let hops = 0; hops < MOST_LINKS; hops++) {
    const [file] = await getArchive(docker, id, at, { total: limit + ARCHIVE_EXTRA, look });
    if (file === undefined) throw badAnswer(docker.host, call, 'the archive is empty');
    if (file.type === 'file') return file.data.toString('utf8');
    if (file.linkTarget === undefined) throw new OpsError('REJECTED', `${path} in container ${id} is no file`);
    at = posix.resolve(posix.dirname(at), file.linkTarget);
  }
  throw new OpsError('REJECTED', `${path} in container ${id} is behind too many links`);
}

/** `os.ModeDir` of Go, in which the engine writes modes. */
const MODE_DIRECTORY = 0x80000000;
/** What headers and padding may add to one file. */
const ARCHIVE_EXTRA = 64 * 1024;

const archiveCall = (id: string, path: string): Pick<Call, 'path' | 'query' | 'thing'> => ({
  path: `/containers/${named('container', id)}/archive`,
  query: { path },
  thing: `file ${path} in container ${id}`,
});

async function unpack(body: Buffer, fileLimit: number): Promise<ArchiveFile[]> {
  const files: ArchiveFile[] = [];
  const extract = tar.extract();
  const done = (async () => {
    for await (const entry of extract) {
      const { header } = entry;
      const size = header.size ?? 0;
      const chunks: Buffer[] = [];
      for await (const chunk of entry as AsyncIterable<Buffer>) if (size <= fileLimit) chunks.push(chunk);
      files.push({
        name: header.name,
        type:
          header.type === 'file' || header.type === 'directory' || header.type === 'symlink' ? header.type : 'other',
        size,
        modifiedAt: (header.mtime ?? new Date(0)).toISOString(),
        ...(header.linkname ? { linkTarget: header.linkname } : {}),
        data: Buffer.concat(chunks),
      });
    }
  })();
  extract.end(body);
  await done;
  return files;
}
