/** Images, and containers made after the model of others: what a release consists of. */

export interface Image {
  id: string;
  /** `name@sha256:…` as the registries that it came from know it; none for one that was built here. */
  digests: string[];
  labels: Record<string, string>;
  /** TCP ports that it says it listens on. */
  ports: number[];
  size: number;
}

/**
 * A container that is to be made. What its model was told when it was made, it is told too: environment, command,
 * mounts, networks, limits, health check, labels but those of opsctl. What the model only has from its image, it has
 * from its own. Anonymous volumes are shared; one that would always be started again stays stopped when it was stopped.
 */
export interface Replica {
  name: string;
  /** Id of the container that it is made after. */
  model: string;
  image: string;
  /** What the image must be: its id or, for one that is pulled, a digest of it. */
  expects: string;
  /** Set in addition. Never a secret: this is shown and journalled. */
  environment: Record<string, string>;
  /** Set in addition. */
  labels: Record<string, string>;
  /** Its names on the networks of its model; `none` for a container that gets no traffic. */
  aliases: 'none' | { add: string[]; remove: string[] };
  /** Run instead of the command of its model, once; it is not restarted. */
  once?: string[];
}

/** A container that is to go. */
export interface Removal {
  /** Id, or name: then `labels` tell that it is the one that is meant. */
  container: string;
  /** What it must bear. */
  labels: Record<string, string>;
  graceSeconds: number;
  /** Before it is stopped, it gets so long to finish the requests that these containers have sent to it. */
  drain?: { from: string[]; forMs: number };
}

/** What of a container decides whether another can be made beside it. */
export interface ModelFacts {
  /** Names by network, without those that docker gives. */
  aliases: Record<string, string[]>;
  /** Ports of the host that it takes. */
  published: { address: string; port: number }[];
  /** Why no second one can run beside it, such as an address of its own; absent when one can. */
  alone?: string;
}

export interface ReplicaReader {
  /** Undefined when the engine does not have it. */
  image(reference: string): Promise<Image | undefined>;
  /** The digest that its registry knows it by. @throws NOT_FOUND, UNREACHABLE, AUTH_FAILED */
  registryDigest(reference: string): Promise<string>;
  model(container: string): Promise<ModelFacts>;
  hasImage(reference: string, expects: string): Promise<boolean>;
  /** True when an image does not bear a label. @throws UNSAFE naming what it says when it does, NOT_FOUND without the image */
  lacksLabel(reference: string, label: string): Promise<boolean>;
  /** True once a container is there and on all networks of its model. */
  isComplete(name: string, model: string): Promise<boolean>;
  isAbsent(name: string): Promise<boolean>;
  /** True once it ended with exit code 0. @throws UNSAFE with its last lines when it ended otherwise */
  hasSucceeded(name: string): Promise<boolean>;
  /** The last lines that it wrote, `lines` at most; none when they cannot be read. */
  lastWords(name: string, lines: number): Promise<{ log: string[] }>;
}

export interface ReplicaWriter extends ReplicaReader {
  /**
   * @param expects what it must be: a digest of it
   * @throws NOT_FOUND, UNREACHABLE, AUTH_FAILED; UNSAFE when the tag has come to mean another image
   */
  pull(reference: string, expects?: string): Promise<void>;
  /** Makes it, without starting it. @throws REJECTED when the name is taken by another, UNSAFE when the image is another */
  create(replica: Replica): Promise<void>;
  /** Starts one that never ran; one that ran is left alone. */
  startOnce(name: string): Promise<void>;
  /** SIGTERM, after the grace SIGKILL, then it is removed with its anonymous volumes. @throws REJECTED when the name is another's */
  remove(removal: Removal): Promise<void>;
}
