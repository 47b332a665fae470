/** nginx as the load balancer. */
import type { HttpAnswer, TlsOptions } from './http.ts';

/** The two places that releases of a service take turns in. */
export const COLOURS = ['blue', 'green'] as const;
export type Colour = (typeof COLOURS)[number];

/** Where traffic goes, for all services at once: it changes as a whole. */
export interface Route {
  /** By service; one that is not named is blue. */
  live: Record<string, Colour>;
  /** A share of new visitors, in whole percent from 1 to 99, gets the other colour of some services. */
  canary?: { services: string[]; percent: number };
}

/** What the load balancer does now. */
export interface Routing extends Route {
  /** Counts up with each change of where traffic goes, also with one back. */
  generation: number;
  /** When it became so, by the engine's clock. */
  since: string;
}

/** A file below the load balancer's directory. */
export interface Snippet {
  /** Relative, such as `http/opsctl.conf`. */
  name: string;
  text: string;
}

/** How a file below that directory is, or is to be. */
export interface SnippetState {
  name: string;
  /** Null: there is none. */
  text: string | null;
}

/** Stands in a snippet for the token that lets opsctl, and nobody else, ask a certain colour. Filled in where it is written. */
export const TOKEN = '@OPSCTL_TOKEN@';

/** A question to the server of a URL. */
export interface ServerRequest {
  url: string;
  timeoutMs: number;
  tls?: TlsOptions | undefined;
}

export interface ProbeRequest extends ServerRequest {
  colour: Colour;
}

export interface LoadBalancerReader {
  /** `nginx -t` inside the container: does the configuration on disk load? */
  checkConfiguration(container: string): Promise<{ ok: boolean; output: string }>;
  /** The same as one word, to wait for. */
  loads(container: string): Promise<boolean>;
  /** The whole configuration that is on disk, as `nginx -T` prints it. @throws UNSAFE when it does not load */
  configuration(container: string): Promise<string>;
  /** Version of nginx, such as 1.29.3. @throws BAD_ANSWER when it does not say one */
  version(container: string): Promise<string>;
  /** Process ids of the workers that take new connections (those shutting down are left out). */
  workers(container: string): Promise<number[]>;
  /** True when none of the given workers takes new connections any more and others do. */
  workersReplaced(container: string, before: number[]): Promise<boolean>;
  /** Where traffic goes; undefined where that was never set up. @throws BAD_ANSWER */
  routing(container: string, directory: string): Promise<Routing | undefined>;
  /** True when traffic goes there, by whatever generation. */
  isRouted(container: string, directory: string, route: Route): Promise<boolean>;
  /** True when traffic goes elsewhere, and no switch was begun that may still send it there. */
  hasNotSwitched(container: string, directory: string, route: Route): Promise<boolean>;
  /** Whether all files are exactly so. */
  hasSnippets(container: string, directory: string, files: SnippetState[]): Promise<boolean>;
  /** What one file there says, the token taken out; undefined when there is none. */
  snippet(container: string, directory: string, name: string): Promise<string | undefined>;
  /**
   * Asks a URL of one colour, whichever is live. The load balancer is asked first whether it does as it is told.
   * `sticky` tells whether visitors of that URL would get a canary's cookie.
   * @throws UNSAFE when what answers at that URL knows nothing of the colour
   */
  probe(container: string, directory: string, request: ProbeRequest): Promise<HttpAnswer & { sticky: boolean }>;
  /**
   * The digest of the snippets that nginx runs with, asked at a URL's server on a fresh connection; none when it has
   * none there. What it has on disk may be others.
   */
  loaded(container: string, directory: string, request: ServerRequest): Promise<{ digest?: string }>;
  /** True when nginx runs with the snippets of that digest at a URL's server. */
  runs(container: string, directory: string, digest: string, request: ServerRequest): Promise<boolean>;
  /** Whether the container has what a switch needs: a `mv` that replaces a link as a whole. */
  canSwitch(container: string): Promise<boolean>;
}

export interface LoadBalancerWriter extends LoadBalancerReader {
  /** SIGHUP: the master loads the configuration and replaces its workers. */
  reload(container: string): Promise<void>;
  /**
   * Sends traffic there, by one atomic rename and without a reload: each request is routed the one way or the other.
   * The next generation, unless it is so already.
   */
  route(container: string, directory: string, route: Route): Promise<void>;
  /**
   * Forgets where traffic goes, where that changes nothing: all of it goes to blue, as it does without being told.
   * Else it is left as it is.
   */
  unroute(container: string, directory: string): Promise<void>;
  /** Writes files below the directory; nginx reads them at its next reload. */
  writeSnippets(container: string, directory: string, snippets: Snippet[]): Promise<void>;
  /**
   * Puts files back as they were and makes nginx load them, also where it had not loaded what is taken back. Where the
   * configuration loads neither way, as it may have been before, nginx goes on with what it runs with.
   * @throws UNSAFE when the configuration loads only with what was to be taken back: then that stays
   */
  restoreSnippets(container: string, directory: string, files: SnippetState[]): Promise<void>;
}
