import type { Redis } from 'ioredis';

/** Loaded lazily as a whole: a bundled dynamic import of ioredis itself would lose its named exports. */
export { AbstractConnector, Redis } from 'ioredis';

/** What there is of a client: the build leaves out the methods that ioredis makes of each command (scripts/build.ts). */
export type Client = Pick<Redis, 'call' | 'callBuffer' | 'connect' | 'disconnect' | 'on'>;
