/** Where things of the demo are, and what they are called. */
import { fileURLToPath } from 'node:url';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const DEMO = at('.');
export const ROOT = at('..');
export const BUILD = at('.build');
export const ENV_FILE = at('.env');
export const ENV_EXAMPLE = at('.env.example');
export const COMPOSE_FILE = at('docker-compose.production.yml');
export const IMAGES = at('images');

export const PROJECT = 'ecommerce';
export const NETWORK = 'ecommerce-network';
/** On everything of ours on an engine; what lacks it belongs to somebody else. */
export const LABEL = 'opsctl.demo=true';
