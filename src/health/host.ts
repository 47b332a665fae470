import { disk as judgeDisk, hostMemory, onlyHost } from '../checks/host.ts';
import type { Context } from '../core/command.ts';
import { asOpsError } from '../core/errors.ts';
import { type Verdict, verdict } from '../core/verdict.ts';
import { unasked } from './monitoring.ts';
import type { Probe } from './probe.ts';

/** Disk and memory of the host: by the engine where it is on this machine, else by Prometheus. */
export function hostProbes(context: Context, timeoutMs: number): Probe[] {
  const { readers, platform } = context;
  const { thresholds } = platform;
  /** Both figures of the one host that Prometheus knows, or why there are none. */
  const fromPrometheus = async (first: string, second: string): Promise<[number, number] | { why: string }> => {
    if (platform.prometheus === undefined) return { why: 'no prometheus is configured that could tell' };
    const samples = await Promise.all([readers.metrics.query(first), readers.metrics.query(second)]);
    const [one, other] = [onlyHost(samples[0]), onlyHost(samples[1])];
    return 'why' in one ? one : 'why' in other ? other : [one.value, other.value];
  };
  return [
    {
      id: 'disk',
      component: 'host',
      timeoutMs,
      run: async () => {
        const own = await readers.engine.disk();
        if (own !== undefined) return judgeDisk(own, 'the engine', thresholds.disk);
        return told(
          fromPrometheus('node_filesystem_size_bytes{mountpoint="/"}', 'node_filesystem_avail_bytes{mountpoint="/"}'),
          'the engine is on another machine, and ',
          ([size, free]) => judgeDisk({ path: '/', size, free }, 'prometheus', thresholds.disk),
        );
      },
    },
    {
      id: 'host-memory',
      component: 'host',
      timeoutMs,
      run: () =>
        told(fromPrometheus('node_memory_MemTotal_bytes', 'node_memory_MemAvailable_bytes'), '', ([total, available]) =>
          hostMemory(total, available, 'prometheus', thresholds.hostMemory),
        ),
    },
  ];
}

async function told(
  asked: Promise<[number, number] | { why: string }>,
  before: string,
  judge: (facts: [number, number]) => Verdict,
): Promise<Verdict> {
  try {
    const facts = await asked;
    return 'why' in facts ? verdict.skipped(`${before}${facts.why}`) : judge(facts);
  } catch (thrown) {
    return unasked(asOpsError(thrown));
  }
}
