/** What a release is made of, decided before it is planned. */
import type { DeployOptions } from '../core/deploy-options.ts';
import type { ContainerDetail } from '../core/ports/engine.ts';
import type { ComparedService } from '../core/ports/release.ts';
import { type Facts, type ServiceFacts, versionIn } from './observe.ts';
import type { VersionVariable } from './version-variable.ts';

/** Where a release happens, and how. */
export interface Surroundings {
  facts: Facts;
  project: string;
  environment: string;
  options: DeployOptions;
}

/** A service of the release that is to be, decided: which image, where from. */
export interface Wanted {
  facts: ServiceFacts;
  version: string;
  /** True when it has that version already: nothing is done to it. */
  same: boolean;
  image: string;
  /** Id of the image, or the digest that a registry names for one that is to be pulled. */
  expects: string;
  missing: boolean;
  /** Why nobody may roll back past this version. */
  noRollback?: string;
  variable: VersionVariable | { why: string };
  releaseCommand?: { command: string[]; timeoutMs: number };
  /** Value of the service label in Prometheus. */
  metrics: string;
  /** URLs to ask before it gets traffic. */
  smoke: string[];
  /** Memory limit of one replica, or what the model uses where it has none; bytes. */
  memory: number;
}

/** What a deploy is made of. */
export interface DeployRequest extends Surroundings {
  wanted: Wanted[];
}

/** A service whose other colour gets all traffic. */
export interface Released {
  facts: ServiceFacts;
  version: string;
  /** Names of the containers that are to be live. */
  containers: string[];
  /** What its versions are told apart by in metrics; absent where they cannot be. */
  compared?: ComparedService;
  variable: VersionVariable | { why: string };
  /** Why nobody may roll back past it; undefined where that is allowed. */
  noRollback: string | undefined;
  /** Containers that no rollback needs any more once it is live. */
  gone: Pick<ContainerDetail, 'id' | 'name' | 'stopSeconds'>[];
}

/** The version that visitors had beside the new one, where metrics tell them apart. */
export function comparison(
  { live }: Pick<ServiceFacts, 'live'>,
  metrics: string,
  candidate: string,
): { compared?: ComparedService } {
  const stable = versionIn(live);
  return stable === undefined || stable === candidate ? {} : { compared: { metrics, stable, candidate } };
}

/** Why the versions of a service cannot be compared, to follow its name; undefined where they can. */
export function whyIncomparable({ facts: { live }, version, compared }: Released): string | undefined {
  if (compared !== undefined) return undefined;
  return versionIn(live) === version
    ? `${version} is live already, from another image, and metrics do not tell one from the other`
    : 'its live containers do not run one version that metrics could be asked for';
}
