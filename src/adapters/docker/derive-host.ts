/** What a container that is made after another has from it of its place on the host. */
import type { Model } from './derive.ts';

/** @param once whether it is for a command that runs once */
export function hostConfig(model: Model, once: boolean): Record<string, unknown> {
  const { ContainerIDFile: _file, AutoRemove: _remove, Links: _links, ...host } = model.HostConfig;
  return { ...host, ...mounts(model), ...restartPolicy(model, once) };
}

/** What was stopped on purpose stays stopped when the engine starts again: a release before must not come back. */
function restartPolicy({ HostConfig: { RestartPolicy } }: Model, once: boolean): Record<string, unknown> {
  if (once) return { RestartPolicy: { Name: 'no' } };
  return RestartPolicy?.Name === 'always' ? { RestartPolicy: { ...RestartPolicy, Name: 'unless-stopped' } } : {};
}

/** Anonymous volumes are shared, by name: what users stored there must be there for the new version, as compose has it. */
function mounts({ HostConfig: { Binds, Mounts: asked }, Mounts }: Model): Record<string, unknown> {
  const named = new Set([
    ...(Binds ?? []).map((bind) => bind.split(':', 1)[0]),
    ...(asked ?? []).map(({ Source }) => Source),
  ]);
  const anonymous = (Mounts ?? []).filter(({ Type, Name }) => Type === 'volume' && Name && !named.has(Name));
  if (anonymous.length === 0) return {};
  const nameOf = (target: unknown): string | null | undefined =>
    anonymous.find(({ Destination }) => Destination === target)?.Name;
  const isAsked = (destination: string): boolean => (asked ?? []).some(({ Target }) => Target === destination);
  return {
    Mounts: asked?.map((mount) => ({ ...mount, Source: mount.Source || nameOf(mount.Target) })),
    Binds: [
      ...(Binds ?? []),
      ...anonymous
        .filter(({ Destination }) => !isAsked(Destination))
        .map(({ Name, Destination, RW }) => `${Name ?? ''}:${Destination}${RW === false ? ':ro' : ''}`),
    ],
  };
}

/** A host name that the model was told; else it is its short id, or another's whose names it shares. */
export function hostname({ Id, Config, HostConfig }: Model): { Hostname?: string } {
  const shared = HostConfig.UTSMode === 'host' || /^(?:host$|container:)/.test(HostConfig.NetworkMode ?? '');
  const name = Config.Hostname;
  return !name || shared || name === Id.slice(0, 12) ? {} : { Hostname: name };
}
