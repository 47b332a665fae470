/** Starting the browser of whoever runs opsctl. */
import { platform as systemName } from 'node:os';

import type { Browser } from '../core/ports/local.ts';

/** What decides how a browser is started. */
export interface BrowserRequest {
  env: Readonly<Record<string, string | undefined>>;
  /** As `os.platform()` names it; given by tests. */
  system?: NodeJS.Platform;
}

/** A starter that has not failed by then has handed the URL on; some stay for as long as the browser. */
const STARTED_MS = 1500;

/** Opens URLs in the user's browser, by the starter of the operating system. */
export function openBrowser({ env, system = systemName() }: BrowserRequest): Browser {
  return {
    open: async (url) => {
      // Anything else might be a file or a program to the starter.
      if (!/^https?:\/\//i.test(url) || !URL.canParse(url))
        return { opened: false, reason: 'only http and https URLs are opened' };
      const [program, ...before] = starter(system);
      const headless = system !== 'win32' && system !== 'darwin' && !env['DISPLAY'] && !env['WAYLAND_DISPLAY'];
      if (headless) return { opened: false, reason: 'there is no display' };
      return start(program, [...before, new URL(url).href], env);
    },
  };
}

/** `start` of Windows belongs to its shell, to which an & in a URL is a command; rundll32 takes it as it is. */
function starter(system: NodeJS.Platform): [string, ...string[]] {
  if (system === 'darwin') return ['open'];
  return system === 'win32' ? ['rundll32.exe', 'url.dll,FileProtocolHandler'] : ['xdg-open'];
}

async function start(
  program: string,
  args: string[],
  env: BrowserRequest['env'],
): Promise<{ opened: boolean; reason?: string }> {
  const { execa } = await import('execa');
  // Detached and unheard: the browser outlives opsctl and must not write into its output.
  const child = execa(program, args, {
    detached: true,
    cleanup: false,
    stdio: 'ignore',
    reject: false,
    env: { ...env },
    extendEnv: false,
  });
  let timer: NodeJS.Timeout | undefined;
  const started = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => {
      resolve(undefined);
    }, STARTED_MS);
  });
  const ended = await Promise.race([child, started]);
  clearTimeout(timer);
  if (ended === undefined || !ended.failed) return { opened: true };
  const why =
    ended.code === 'ENOENT'
      ? `${program} is not installed`
      : `${program} ended with ${(ended.exitCode ?? ended.signal ?? 'an error').toString()}`;
  return { opened: false, reason: why };
}
