/** nginx as the load balancer. */

export interface LoadBalancerReader {
  /** `nginx -t` inside the container: does the configuration on disk load? */
  checkConfiguration(container: string): Promise<{ ok: boolean; output: string }>;
  /** Process ids of the workers that take new connections (those shutting down are left out). */
  workers(container: string): Promise<number[]>;
  /** True when none of the given workers takes new connections any more and others do. */
  workersReplaced(container: string, before: number[]): Promise<boolean>;
}

export interface LoadBalancerWriter extends LoadBalancerReader {
  /** SIGHUP: the master loads the configuration and replaces its workers. */
  reload(container: string): Promise<void>;
}
