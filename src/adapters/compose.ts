/** Asks docker-compose, version 1 or 2, what it makes of its files. Nothing of the platform is touched. */
import path from 'node:path';

import type { Platform } from '../core/platform.ts';
import type { ComposeReader } from '../core/ports/compose.ts';

/** Version 1 takes a second to start. */
const TIMEOUT_MS = 15_000;
const PROGRAMS = [['docker', 'compose'], ['docker-compose']];

export function openCompose(platform: Platform, env: Record<string, string | undefined>): ComposeReader {
  const { project, files, envFile } = platform.compose;
  const { directory } = platform;
  const at = (name: string): string => path.resolve(directory, name);
  const flags = [
    '--project-name',
    project,
    ...files.flatMap((name) => ['--file', at(name)]),
    ...(envFile === undefined ? [] : ['--env-file', at(envFile)]),
  ];
  return {
    hashes: async (services, variables) => {
      if (files.length === 0) return {};
      const { execa } = await import('execa');
      for (const [program = '', ...first] of PROGRAMS) {
        const result = await execa(program, [...first, ...flags, 'config', '--hash', services.join(',')], {
          // A variable of the environment counts more than one of the file.
          env: { ...env, ...variables },
          extendEnv: false,
          cwd: directory,
          timeout: TIMEOUT_MS,
          maxBuffer: 1_000_000,
          reject: false,
        });
        if (!result.failed) return parse(result.stdout, services);
      }
      return {};
    },
  };
}

/** A line a service: its name, a blank, the hash. */
function parse(stdout: string, services: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of stdout.split('\n')) {
    const [, name = '', hash = ''] = /^(\S+)\s+([0-9a-f]{16,128})$/.exec(line.trim()) ?? [];
    if (services.includes(name)) found[name] = hash;
  }
  return found;
}
