/**
 * A container's definition made after another's. An inspected container shows what it was told and what its image
 * says as one; the image's part is taken out again, or a new version would run with the defaults of the old one.
 */
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';

import type { Replica } from '../../core/ports/replicas.ts';
import { hostConfig, hostname } from './derive-host.ts';

const strings = z.nullish(z.array(z.string()));
const record = z.nullish(z.record(z.string(), z.unknown()));

/** What image and container both define. */
const definition = z.looseObject({
  Env: strings,
  Cmd: strings,
  Entrypoint: strings,
  Labels: z.nullish(z.record(z.string(), z.string())),
  Healthcheck: record,
  User: z.nullish(z.string()),
  WorkingDir: z.nullish(z.string()),
  StopSignal: z.nullish(z.string()),
  StopTimeout: z.nullish(z.number()),
  Tty: z.nullish(z.boolean()),
  OpenStdin: z.nullish(z.boolean()),
  Hostname: z.nullish(z.string()),
  Domainname: z.nullish(z.string()),
  MacAddress: z.nullish(z.string()),
  ExposedPorts: record,
});
type Definition = z.infer<typeof definition>;

const endpoint = z.looseObject({
  Aliases: strings,
  Links: strings,
  DriverOpts: z.nullish(z.record(z.string(), z.string())),
  IPAMConfig: z.nullish(z.looseObject({ IPv4Address: z.nullish(z.string()), IPv6Address: z.nullish(z.string()) })),
});
type Endpoint = z.infer<typeof endpoint>;

/** A mount as a container was told it. */
const toldMount = z.looseObject({ Target: z.nullish(z.string()), Source: z.nullish(z.string()) });

/** Of `GET /containers/<id>/json`. */
export const modelSchema = z.object({
  Id: z.string(),
  Name: z.string(),
  Image: z.string(),
  Config: definition,
  HostConfig: z.looseObject({
    Binds: strings,
    Mounts: z.nullish(z.array(toldMount)),
    NetworkMode: z.nullish(z.string()),
    UTSMode: z.nullish(z.string()),
    RestartPolicy: z.nullish(z.looseObject({ Name: z.nullish(z.string()) })),
    PortBindings: z.nullish(
      z.record(z.string(), z.nullish(z.array(z.object({ HostIp: z.nullish(z.string()), HostPort: z.string() })))),
    ),
  }),
  NetworkSettings: z.object({ Networks: z.nullish(z.record(z.string(), endpoint)) }),
  Mounts: z.nullish(
    z.array(
      z.object({
        Type: z.nullish(z.string()),
        Name: z.nullish(z.string()),
        Destination: z.string(),
        RW: z.nullish(z.boolean()),
      }),
    ),
  ),
});
export type Model = z.infer<typeof modelSchema>;

/** Of `GET /images/<name>/json`. */
export const imageSchema = z.object({
  Id: z.string(),
  RepoDigests: strings,
  Size: z.number(),
  Config: z.nullish(definition),
});
export type ImageJson = z.infer<typeof imageSchema>;

/** The body of `POST /containers/create`, and the networks that it joins afterwards: API 1.43 takes one at creation. */
export interface Derived {
  body: Record<string, unknown>;
  networks: { name: string; aliases: string[]; endpoint: Record<string, unknown> }[];
}

/** Networks of the engine's own, where no container has a name. */
const NAMELESS = ['bridge', 'host', 'none'];

/** Labels of opsctl itself tell of one container only. */
const OWN_LABEL = /^opsctl\./;

export function derive(model: Model, image: Definition, replica: Replica): Derived {
  const own = told(model.Config, image);
  const networks = networksOf(model, replica.aliases);
  const [first] = networks;
  const environment = new Map((own.Env ?? []).map((line) => [line.split('=', 1)[0], line]));
  for (const [name, value] of Object.entries(replica.environment)) environment.set(name, `${name}=${value}`);
  return {
    body: {
      ...own,
      ...(image.Hostname === model.Config.Hostname ? {} : hostname(model)),
      // A name without a value is one that the engine takes out of the environment.
      Env: [...environment.values()],
      ...(replica.once === undefined ? {} : { Cmd: replica.once, Healthcheck: { Test: ['NONE'] } }),
      Image: replica.image,
      Labels: { ...own.Labels, ...replica.labels },
      HostConfig: hostConfig(model, replica.once !== undefined),
      ...(first === undefined ? {} : { NetworkingConfig: { EndpointsConfig: { [first.name]: first.endpoint } } }),
    },
    networks: networks.slice(1),
  };
}

/** Why no second container can run beside one; undefined when it can, but for the ports that it publishes. */
export function whyAlone({ Config, HostConfig, NetworkSettings: { Networks } }: Model): string | undefined {
  const joined = Object.entries(Networks ?? {});
  if (joined.every(([name]) => NAMELESS.includes(name)))
    return `is on no network where it has a name (network mode ${HostConfig.NetworkMode ?? 'default'})`;
  for (const [name, { IPAMConfig }] of joined) {
    const address = IPAMConfig?.IPv4Address || IPAMConfig?.IPv6Address;
    if (address) return `has the fixed address ${address} on network ${name}`;
  }
  return Config.MacAddress ? `has the fixed MAC address ${Config.MacAddress}` : undefined;
}

/** The networks of the model; the first is the one that its definition names. */
function networksOf(model: Model, how: Replica['aliases']): Derived['networks'] {
  const main = model.HostConfig.NetworkMode;
  return Object.entries(aliasesOf(model))
    .sort(([a], [b]) => Number(b === main) - Number(a === main))
    .map(([name, all]) => {
      // Compose gives a container its own name as an alias.
      const own = all.filter((alias) => `/${alias}` !== model.Name);
      const aliases = NAMELESS.includes(name) ? [] : rename(own, how);
      return { name, aliases, endpoint: { ...toldOf(model.NetworkSettings.Networks?.[name]), Aliases: aliases } };
    });
}

const toldOf = ({ Links, DriverOpts }: Partial<Endpoint> = {}): Partial<Endpoint> => ({
  ...(Links ? { Links } : {}),
  ...(DriverOpts ? { DriverOpts } : {}),
});

/** Names on the networks, without the short id that docker adds for each container. */
export function aliasesOf({ Id, NetworkSettings: { Networks } }: Model): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(Networks ?? {}).map(([name, { Aliases }]) => [
      name,
      [...new Set(Aliases ?? [])].filter((alias) => alias !== Id.slice(0, 12)),
    ]),
  );
}

function rename(aliases: readonly string[], how: Replica['aliases']): string[] {
  if (how === 'none') return [];
  return [...new Set([...aliases.filter((alias) => !how.remove.includes(alias)), ...how.add])].sort();
}

/** What a container was told itself. */
function told(config: Definition, image: Definition): Partial<Definition> {
  const defaults = new Set(image.Env ?? []);
  const labels = Object.entries(config.Labels ?? {}).filter(
    ([name, value]) => image.Labels?.[name] !== value && !OWN_LABEL.test(name),
  );
  const ports = Object.entries(config.ExposedPorts ?? {}).filter(([port]) => image.ExposedPorts?.[port] === undefined);
  const differs = (name: keyof Definition): Partial<Definition> =>
    isDeepStrictEqual(config[name] ?? null, image[name] ?? null) ? {} : { [name]: config[name] };
  return {
    Env: (config.Env ?? []).filter((line) => !defaults.has(line)),
    Labels: Object.fromEntries(labels),
    // A command counts with its entrypoint: who sets one, clears the other.
    ...(isDeepStrictEqual(config.Entrypoint ?? null, image.Entrypoint ?? null)
      ? differs('Cmd')
      : { Entrypoint: config.Entrypoint, Cmd: config.Cmd }),
    ...differs('Healthcheck'),
    ...differs('User'),
    ...differs('WorkingDir'),
    ...differs('StopSignal'),
    ...differs('StopTimeout'),
    ...(ports.length === 0 ? {} : { ExposedPorts: Object.fromEntries(ports) }),
    ...(config.Tty === true ? { Tty: true } : {}),
    ...(config.OpenStdin === true ? { OpenStdin: true } : {}),
    ...(config.Domainname ? { Domainname: config.Domainname } : {}),
  };
}
