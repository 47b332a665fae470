/** Global set-up of the scenario tests: the reference platform up, as it was made. The program is built by scripts/setup.mjs. */
import type { TestProject } from 'vitest/node';

import { ensurePlatform } from '../../demo/platform.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    platform: { dockerHost: string; http: string; https: string; prometheus: string; ca: string };
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { dockerHost, http, https, prometheus, ca } = await ensurePlatform();
  project.provide('platform', { dockerHost, http, https, prometheus, ca });
  return async () => {
    // Whatever the tests broke, the next run and whoever looks at the demo find it whole.
    await ensurePlatform();
  };
}
