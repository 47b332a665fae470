/** docker-compose as it is installed where opsctl runs. */

export interface ComposeReader {
  /**
   * The hash by which compose tells whether a service's container is as its files say, with variables set in addition.
   * Services that it cannot tell of are absent; all are, where compose or its files are not here.
   */
  hashes(services: string[], variables: Record<string, string>): Promise<Record<string, string>>;
}
