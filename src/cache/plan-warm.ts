/** Asking for what fills a cache, in pieces: each is a step, so that it is seen how far it is and can be gone on with. */
import type { Plan } from '../core/change.ts';
import { plural } from '../core/format.ts';
import { plan, step } from '../core/plan.ts';
import type { HitsSeen, WarmTarget } from '../core/ports/warm.ts';
import { ratioText } from './warm.ts';

/** URLs a step: few enough to stop soon, many enough for answers to be judged together. */
const PIECE = 200;
/** Of one request, in ms. */
const REQUEST_MS = 10_000;
/** For the looks at who else is served, in ms. */
const MARGIN_MS = 60_000;

export interface WarmRequest {
  cache: string;
  targets: readonly WarmTarget[];
  concurrency: number;
  p99Ms: number;
  before: HitsSeen | null;
}

export function planWarm({ cache, targets, concurrency, p99Ms, before }: WarmRequest): Plan {
  const pieces = Array.from({ length: Math.ceil(targets.length / PIECE) }, (_, index) =>
    targets.slice(index * PIECE, (index + 1) * PIECE),
  );
  return plan({
    target: cache,
    summary: `ask for ${plural(targets.length, 'URL')} that fill cache ${cache}, ${concurrency.toString()} at a time`,
    touches: [`cache ${cache}: what the answers put there`],
    seen: [
      `reads found: ${ratioText(before)}`,
      'each that is not there yet costs the database behind what a visitor would; it stops by itself where that, or the visitors, suffer',
    ],
    steps: pieces.map((some, index) =>
      step({
        id: `cache.warm:${cache}:${(index + 1).toString()}`,
        describe: `ask for ${plural(some.length, 'URL')}: ${some[0]?.url ?? ''}${some.length > 1 ? ` … ${some.at(-1)?.url ?? ''}` : ''}`,
        why: 'what it answers with is in the cache afterwards',
        do: (w) => w.warm.ask({ cache, targets: some, concurrency, timeoutMs: REQUEST_MS, p99Ms }),
        undo: 'kept',
        timeoutMs: some.length * REQUEST_MS + MARGIN_MS,
      }),
    ),
  });
}
