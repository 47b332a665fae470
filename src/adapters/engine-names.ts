/** Names on the engine for completion: one question, on a socket of this machine only, answered at once or not at all. */
import { request } from 'node:http';

import * as z from 'zod';

import { type EngineSource, findEndpoint } from './docker/host.ts';

/** Shells wait for completion: what takes longer is given up. */
const DEADLINE_MS = 100;
const MOST_BYTES = 4 * 1024 * 1024;

const PATHS = { containers: '/containers/json?all=1', networks: '/networks', volumes: '/volumes' } as const;

const labelled = z.object({
  Name: z.string().optional(),
  Names: z.array(z.string()).optional(),
  Labels: z.record(z.string(), z.string()).nullish(),
});
const answer = z.union([z.array(labelled), z.object({ Volumes: z.array(labelled).nullish() })]);

/**
 * Names of containers, networks or volumes, those of the compose project first. Nothing when the engine is
 * not behind a local socket or does not answer in time; it never throws. No driver is loaded for it: that
 * alone would take longer than a shell should wait.
 */
export async function engineNames(
  what: keyof typeof PATHS,
  { project, ...source }: EngineSource & { project: string },
): Promise<string[]> {
  try {
    const endpoint = findEndpoint(source);
    if (endpoint.kind !== 'socket') return [];
    const parsed = answer.parse(JSON.parse(await ask(endpoint.path, PATHS[what])));
    const all = Array.isArray(parsed) ? parsed : (parsed.Volumes ?? []);
    const own = (one: z.infer<typeof labelled>): boolean => one.Labels?.['com.docker.compose.project'] === project;
    return [...all.filter(own), ...all.filter((one) => !own(one))].flatMap(({ Name, Names }) => {
      const name = Name ?? Names?.[0]?.replace(/^\//, '');
      return name === undefined ? [] : [name];
    });
  } catch {
    return [];
  }
}

async function ask(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(
      { socketPath, path, timeout: DEADLINE_MS, signal: AbortSignal.timeout(DEADLINE_MS) },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
          if (text.length > MOST_BYTES) call.destroy(new Error('too long'));
        });
        response.on('end', () => {
          resolve(text);
        });
        response.on('error', reject);
      },
    );
    call.on('error', reject);
    call.end();
  });
}
