/** Loaded lazily as a whole: a bundled dynamic import of ioredis itself would lose its named exports. */
export { AbstractConnector, Redis } from 'ioredis';
