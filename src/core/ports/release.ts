/** What a release must be like before it gets traffic and after: judged by the deploys, asked by their steps. */
import type { Colour, Route } from './load-balancer.ts';

/** A version that is asked through the load balancer before visitors are. */
export interface Candidate {
  /** Container of the load balancer, and its directory. */
  instance: string;
  directory: string;
  asks: { url: string; colour: Colour }[];
  /** Names of containers that run already, and must serve as well. */
  containers?: string[];
  /** Good answers in a row, one a second, that are wanted. */
  passes: number;
}

/** A service whose versions are compared. */
export interface ComparedService {
  /** Value of the service label in Prometheus. */
  metrics: string;
  /** The version that visitors had, and the new one. */
  stable: string;
  candidate: string;
}

/** A release that is live and still watched. */
export interface Watch {
  instance: string;
  directory: string;
  /** Where traffic goes as long as it is watched. */
  route: Route;
  /** Names of its containers. */
  containers: string[];
  services: ComparedService[];
  /** Services of it that cannot be compared, and why, a line each. */
  incomparable?: string[];
  forMs: number;
}

/** What a watch goes by: both versions, or why its containers only. */
export interface WatchView {
  lines: string[];
  /** Comparisons that could not be made, or not be decided, although there is a Prometheus, and why, a line each. */
  notDone: string[];
}

/** A share of visitors that has the new version, and how long it is compared with the stable one. */
export interface CanaryStep {
  instance: string;
  directory: string;
  route: Route;
  /** Names of the new version's containers. */
  containers: string[];
  services: ComparedService[];
  /** It must be so for this long at least, in ms. */
  forMs: number;
  /** How many looks were planned for the steps before, and for the whole canary: each costs some certainty. */
  firstLook: number;
  /** 0 where no plan is known: each is taken for the only one. */
  plannedLooks: number;
}

/** What was seen of a canary, for people and for data. */
export interface CanaryView {
  lines: string[];
  services: ({ service: string; analysis: { verdict: string } } & Record<string, unknown>)[];
}

export interface ReleaseReader {
  /** True once every container serves and every URL gave its good answers. @throws UNSAFE at once when a container is down */
  answers(candidate: Candidate): Promise<boolean>;
  /** What the URLs answer now, and which containers do not serve, for people. */
  whyNoAnswer(candidate: Candidate): Promise<{ answers: string[] }>;
  /**
   * True once the time since the switch is over and all went well in it.
   * @throws UNSAFE at once when a container went down, or more requests fail or take long than with the version before
   */
  isWell(watch: Watch): Promise<boolean>;
  /** What the last look of `isWell` went by, for people. */
  watchView(watch: Watch): Promise<WatchView>;
  /**
   * True once the step has lasted its time and the new version is seen to be no worse; false while that is open.
   * @throws UNSAFE at once when it is worse, or a container went down
   */
  hasPassed(step: CanaryStep): Promise<boolean>;
  /** Both versions side by side, as they are now. */
  canaryView(step: CanaryStep): Promise<CanaryView>;
}
