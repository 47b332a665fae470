/** The URLs of the configuration, each number of a range on its own. */
import { OpsError } from '../core/errors.ts';
import { NUMBER, RANGE, type WarmList } from '../core/platform.ts';
import type { WarmTarget } from '../core/ports/warm.ts';

/** More than that is no list of what visitors ask for most. */
const MOST = 100_000;

/** What has to be in the cache. @throws CONFIG_INVALID for a range that goes backwards, or too many of them */
export function targetsOf({ urls }: WarmList, cache: string): WarmTarget[] {
  const found: WarmTarget[] = [];
  for (const one of urls) {
    const { url, key } = typeof one === 'string' ? { url: one, key: undefined } : one;
    const [range, from, to] = RANGE.exec(url) ?? [];
    const [first, last] = range === undefined ? [0, 0] : [Number(from), Number(to)];
    if (last < first || found.length + last - first >= MOST)
      throw new OpsError(
        'CONFIG_INVALID',
        last < first
          ? `the range ${range ?? ''} in ${url} goes backwards`
          : `caches.${cache}.warm.urls stands for more than ${MOST.toString()} URLs`,
        { hint: `Change caches.${cache}.warm.urls in opsctl.yaml, then run: opsctl config check` },
      );
    for (let number = first; number <= last; number += 1) {
      const filled = range === undefined ? url : url.replace(range, number.toString());
      found.push({ url: filled, ...(key === undefined ? {} : { key: key.replaceAll(NUMBER, number.toString()) }) });
    }
  }
  return found;
}
