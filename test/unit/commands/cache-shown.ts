import { expect } from 'vitest';

import type { ReadCommand } from '../../../src/core/command.ts';
import type { CacheLook, CacheParts } from '../../../src/core/ports/cache.ts';
import { fakeCache } from '../../support/fakes/cache.ts';
import { contextOf, plain, shop } from '../inspect/platform.ts';

export const platform = shop({ caches: { main: { service: 'redis' } } });
type Parts = Partial<CacheLook['parts']>;
type Seen = { [P in keyof CacheParts]?: CacheParts[P] };

/** A command on a cache in memory, at 80 columns without colour. */
export async function shown(command: ReadCommand, parts: Seen | Parts, typed: object = {}): Promise<string> {
  const had = Object.fromEntries(
    Object.entries(parts).map(([name, value]) => [name, 'is' in value ? value : { is: 'seen', value }]),
  );
  const cache = fakeCache({ main: { parts: had } });
  const input = command.input.parse(typed);
  const data = command.output.parse(await command.run(input, contextOf({ cache }, platform)));
  const text = command.text(data, plain, input);
  for (const line of text.split('\n'))
    expect(line.length, line).toBeLessThanOrEqual(line.startsWith('next') ? 200 : 80);
  return `\n${text}\n`;
}
