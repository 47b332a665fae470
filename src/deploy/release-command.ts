/** A command of the new version before any traffic, such as migrations, as steps. */
import type { Step } from '../core/change.ts';
import { step } from '../core/plan.ts';
import type { Replica } from '../core/ports/replicas.ts';
import { create } from './steps.ts';

/** Lines of a release command that are shown while it runs, and kept when it has succeeded. */
const [LAST_LINES, KEPT_LINES] = [5, 200];

/** How a command of the release is run. */
interface Running {
  timeoutMs: number;
  graceSeconds: number;
  /** Why nobody may roll back past the release, where the user said so. */
  noRollback: string | undefined;
}

/** A command of the release runs once and must succeed. */
export function releaseCommand(replica: Replica, { timeoutMs, graceSeconds, noRollback }: Running): Step[] {
  return [
    create(replica, { graceSeconds }),
    step({
      id: `replicas.run:${replica.name}`,
      describe: `run ${(replica.once ?? []).join(' ')} in ${replica.name}`,
      why: `the release command of the service; what it does to data is not taken back${noRollback === undefined ? '' : `, and nobody may roll back past it: ${noRollback}`}`,
      do: (w) => w.replicas.startOnce(replica.name),
      undo: 'kept',
      verify: (r) => r.replicas.hasSucceeded(replica.name),
      explain: (r) => r.replicas.lastWords(replica.name, LAST_LINES),
      output: (r) => r.replicas.lastWords(replica.name, KEPT_LINES),
      timeoutMs,
    }),
    step({
      id: `replicas.remove:${replica.name}`,
      describe: `remove ${replica.name}`,
      why: 'it has done its work',
      do: (w) => w.replicas.remove({ container: replica.name, labels: replica.labels, graceSeconds: 0 }),
      undo: 'not needed',
      verify: (r) => r.replicas.isAbsent(replica.name),
      onFailure: 'go on',
    }),
  ];
}
