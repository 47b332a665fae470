/** nginx as the load balancer. */

/** The two places that releases take turns in. */
export const COLOURS = ['blue', 'green'] as const;
export type Colour = (typeof COLOURS)[number];

/** Where traffic goes. All services of a release are in it together. */
export interface Route {
  colour: Colour;
  /** A share of new visitors that the other colour gets, in whole percent from 1 to 99; absent without a canary. */
  canary?: number;
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

export interface LoadBalancerReader {
  /** `nginx -t` inside the container: does the configuration on disk load? */
  checkConfiguration(container: string): Promise<{ ok: boolean; output: string }>;
  /** The whole configuration that is on disk, as `nginx -T` prints it. @throws UNSAFE when it does not load */
  configuration(container: string): Promise<string>;
  /** Version of nginx, such as 1.29.3. @throws BAD_ANSWER when it does not say one */
  version(container: string): Promise<string>;
  /** Process ids of the workers that take new connections (those shutting down are left out). */
  workers(container: string): Promise<number[]>;
  /** True when none of the given workers takes new connections any more and others do. */
  workersReplaced(container: string, before: number[]): Promise<boolean>;
  /** Where traffic goes; undefined where that was never set up. */
  routing(container: string, directory: string): Promise<Routing | undefined>;
  /** True when traffic goes there, by whatever generation. */
  isRouted(container: string, directory: string, route: Route): Promise<boolean>;
  /** Which of the files are there with exactly that text; a missing one is `false`. */
  hasSnippets(container: string, directory: string, snippets: Snippet[]): Promise<boolean>;
  /** What one file there says; undefined when there is none. */
  snippet(container: string, directory: string, name: string): Promise<string | undefined>;
}

export interface LoadBalancerWriter extends LoadBalancerReader {
  /** SIGHUP: the master loads the configuration and replaces its workers. */
  reload(container: string): Promise<void>;
  /**
   * Sends traffic there, by one atomic rename and without a reload: each request is routed the one way or the other.
   * The next generation, unless it is so already.
   */
  route(container: string, directory: string, route: Route): Promise<void>;
  /** Writes files below the directory, each whole or not at all; nginx reads them at its next reload. */
  writeSnippets(container: string, directory: string, snippets: Snippet[]): Promise<void>;
  /** Removes files that are there. */
  removeSnippets(container: string, directory: string, names: string[]): Promise<void>;
}
