import type { Platform } from '../core/platform.ts';
import type { Readers } from '../core/ports.ts';
import type { ReleaseReader } from '../core/ports/release.ts';

/**
 * What domains judge while a change runs, as ports, so that a step can wait for it and a recovery on another machine
 * asks the same. Loaded at the first question: most commands ask none. Opened once: it knows when it looked last.
 */
export function judges(readers: Readers, platform: Platform): { release: ReleaseReader } {
  let opened: Promise<ReleaseReader> | undefined;
  const release = (): Promise<ReleaseReader> =>
    (opened ??= import('../deploy/release.ts').then(({ openRelease }) => openRelease(readers, platform)));
  return {
    release: {
      answers: async (candidate) => await (await release()).answers(candidate),
      whyNoAnswer: async (candidate) => await (await release()).whyNoAnswer(candidate),
      isWell: async (watch) => await (await release()).isWell(watch),
      hasPassed: async (step) => await (await release()).hasPassed(step),
      watchView: async (watch) => await (await release()).watchView(watch),
      canaryView: async (step) => await (await release()).canaryView(step),
    },
  };
}
