import { once } from '../core/once.ts';
import type { Platform } from '../core/platform.ts';
import type { Readers, Writers } from '../core/ports.ts';

/**
 * What domains judge while a change runs, as ports, so that a step can wait for it and a recovery on another machine
 * asks the same. Loaded at the first question: most commands ask none. Opened once: it knows when it looked last.
 */
export function judges(readers: Readers, platform: Platform): Pick<Writers, 'release' | 'warm'> {
  const release = once(async () => (await import('../deploy/release.ts')).openRelease(readers, platform));
  const warm = once(async () => (await import('../cache/warm.ts')).openWarm(readers, platform));
  return {
    release: {
      answers: async (candidate) => await (await release()).answers(candidate),
      whyNoAnswer: async (candidate) => await (await release()).whyNoAnswer(candidate),
      isWell: async (watch) => await (await release()).isWell(watch),
      hasPassed: async (step) => await (await release()).hasPassed(step),
      watchView: async (watch) => await (await release()).watchView(watch),
      canaryView: async (step) => await (await release()).canaryView(step),
    },
    warm: {
      hitsBefore: async (cache) => await (await warm()).hitsBefore(cache),
      inTheWay: async (cache) => await (await warm()).inTheWay(cache),
      ask: async (warming) => await (await warm()).ask(warming),
      warmed: async (cache) => await (await warm()).warmed(cache),
    },
  };
}
