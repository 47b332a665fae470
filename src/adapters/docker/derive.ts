/**
 * A container's definition made after another's. An inspected container shows what it was told and what its image
 * says as one; the image's part is taken out again, or a new version would run with the defaults of the old one.
 */
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';

import type { Replica } from '../../core/ports/replicas.ts';

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
});
type Definition = z.infer<typeof definition>;

const endpoint = z.looseObject({
  Aliases: strings,
  Links: strings,
  DriverOpts: z.nullish(z.record(z.string(), z.string())),
});

/** Of `GET /containers/<id>/json`. */
export const modelSchema = z.object({
  Id: z.string(),
  Name: z.string(),
  Image: z.string(),
  Config: definition,
  HostConfig: z.looseObject({
    Binds: strings,
    PortBindings: z.nullish(
      z.record(z.string(), z.nullish(z.array(z.object({ HostIp: z.nullish(z.string()), HostPort: z.string() })))),
    ),
  }),
  NetworkSettings: z.object({ Networks: z.nullish(z.record(z.string(), endpoint)) }),
});
export type Model = z.infer<typeof modelSchema>;

/** Of `GET /images/<name>/json`. */
export const imageSchema = z.object({
  Id: z.string(),
  RepoDigests: strings,
  Size: z.number(),
  Config: z.nullish(definition.extend({ ExposedPorts: record })),
});
export type ImageJson = z.infer<typeof imageSchema>;

/** The body of `POST /containers/create`, and the networks that it joins afterwards: API 1.43 takes one at creation. */
export interface Derived {
  body: Record<string, unknown>;
  networks: { name: string; aliases: string[] }[];
}

export function derive(model: Model, image: Definition, replica: Replica): Derived {
  const own = told(model.Config, image);
  const { ContainerIDFile: _file, AutoRemove: _remove, Links: _links, ...host } = model.HostConfig;
  const networks = Object.entries(aliasesOf(model)).map(([name, aliases]) => ({
    name,
    aliases: rename(aliases, replica.aliases),
  }));
  const [first] = networks;
  const environment = new Map((own.Env ?? []).map((line) => [line.split('=', 1)[0], line]));
  for (const [name, value] of Object.entries(replica.environment)) environment.set(name, `${name}=${value}`);
  return {
    body: {
      ...own,
      // A name without a value is one that the engine takes out of the environment.
      Env: [...environment.values()],
      ...(replica.once === undefined ? {} : { Cmd: replica.once, Healthcheck: { Test: ['NONE'] } }),
      Image: replica.image,
      Labels: { ...own.Labels, ...replica.labels },
      HostConfig: {
        ...host,
        ...(replica.once === undefined ? {} : { RestartPolicy: { Name: 'no' } }),
      },
      ...(first === undefined
        ? {}
        : { NetworkingConfig: { EndpointsConfig: { [first.name]: { Aliases: first.aliases } } } }),
    },
    networks: networks.slice(1),
  };
}

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
  const labels = Object.entries(config.Labels ?? {}).filter(([name, value]) => image.Labels?.[name] !== value);
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
    ...(config.Tty === true ? { Tty: true } : {}),
    ...(config.OpenStdin === true ? { OpenStdin: true } : {}),
    ...(config.Domainname ? { Domainname: config.Domainname } : {}),
  };
}
