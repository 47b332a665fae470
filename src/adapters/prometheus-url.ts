import { OpsError } from '../core/errors.ts';
import type { Platform } from '../core/platform.ts';
import { containerOf, type ContainerSource, hostFor } from './route.ts';

/** Prometheus listens here unless told otherwise. */
const PORT = 9090;

/**
 * Where the platform's Prometheus is reached: its configured URL, a published port of its container, or the
 * container's address. It asks for no password, so a plain connection to the engine's machine will do.
 * @throws NOT_CONFIGURED, NOT_FOUND, UNREACHABLE
 */
export async function prometheusUrl(
  platform: Platform,
  source: ContainerSource,
): Promise<{ url: string; how: string }> {
  const { prometheus } = platform;
  if (prometheus === undefined) {
    throw new OpsError('NOT_CONFIGURED', `environment ${platform.environment} has no prometheus`, {
      hint: 'Add `prometheus:` to opsctl.yaml.',
    });
  }
  if (prometheus.url !== undefined) return { url: prometheus.url, how: 'its URL' };
  const service = prometheus.service ?? 'prometheus';
  const [container, engine] = await Promise.all([
    containerOf(source, platform.compose.project, service),
    source.info(),
  ]);
  if (container === undefined)
    throw new OpsError('NOT_FOUND', `prometheus has no container: there is no service ${service}`, {
      hint: 'See which services there are: opsctl status',
    });
  if (container.state !== 'running')
    throw new OpsError('UNREACHABLE', `prometheus does not run: container ${container.name} is ${container.state}`, {
      hint: `See why: opsctl logs ${service}`,
    });
  for (const { container: port, host: bound } of container.ports.filter((one) => one.container === PORT)) {
    const host = bound === undefined ? undefined : hostFor(bound.address, engine);
    if (host !== undefined && bound !== undefined)
      return {
        url: `http://${bracket(host)}:${bound.port.toString()}`,
        how: `published port ${port.toString()} of ${container.name}`,
      };
  }
  const address = engine.local ? container.networks.find((network) => network.address !== '')?.address : undefined;
  if (address === undefined) {
    const why = engine.local ? 'is on no network' : 'publishes no port, and the engine is on another machine';
    throw new OpsError('UNREACHABLE', `prometheus cannot be reached: container ${container.name} ${why}`, {
      hint: engine.local
        ? `See its networks: docker inspect ${container.name}`
        : 'Set prometheus.url in opsctl.yaml, or publish its port on the engine.',
    });
  }
  return { url: `http://${bracket(address)}:${PORT.toString()}`, how: `address of ${container.name}` };
}

const bracket = (host: string): string => (host.includes(':') ? `[${host}]` : host);
