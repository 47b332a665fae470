import * as z from 'zod';

import { readCommand } from '../core/command.ts';
import { duration, localTime, plural } from '../core/format.ts';
import type { Style } from '../core/style.ts';
import { byService, isOfPlatform } from '../core/containers.ts';
import { whatIsLive } from '../core/live.ts';
import { inspectAll } from '../inspect/containers.ts';
import { containersNamed } from '../inspect/names.ts';
import { type ContainerStatus, containerStatus, containerStatusSchema, missingParts } from '../inspect/status.ts';

const input = z.object({
  service: z.string().optional().meta({
    description: 'only this service or container',
    positional: true,
    completes: 'service',
  }),
});

const output = z.object({
  project: z.string().describe('compose project'),
  containers: z.array(containerStatusSchema),
  missing: z
    .array(z.object({ name: z.string(), kind: z.string(), service: z.string() }))
    .describe('parts of the configuration that have no container, not even a stopped one'),
});

export default readCommand({
  name: 'status',
  summary: 'Every container of the platform: version, state, health, uptime, ports',
  description:
    'Stopped containers are shown too, and what the configuration names but does not exist. The exit code is 0 ' +
    'whatever the state is: `opsctl health` judges.',
  examples: [
    { command: 'opsctl status', explains: 'all containers, replicas together' },
    { command: 'opsctl status api', explains: 'the replicas of one service' },
    { command: 'opsctl status --json', explains: 'the same as data' },
  ],
  input,
  output,
  run: async ({ service }, { platform, readers }) => {
    const { engine } = readers;
    const [all, info] = await Promise.all([engine.containers(), engine.info()]);
    const { project } = platform.compose;
    const containers =
      service === undefined
        ? all.filter((container) => isOfPlatform(container, project))
        : containersNamed(service, platform, all);
    containers.sort(byService);
    const [details, live] = await Promise.all([inspectAll(engine, containers), whatIsLive(platform, all, readers)]);
    return {
      project,
      containers: containers.map((one) =>
        containerStatus(one, details.get(one.id), { platform, engineTime: info.time, live }),
      ),
      missing: service === undefined ? missingParts(platform, all) : [],
    };
  },
  text: ({ project, containers, missing }, style) => {
    const parts = [summary(containers, style)];
    if (containers.length === 0) parts[0] = `compose project ${project} has no containers`;
    else parts.push(table(containers, style), ports(containers, style));
    const lines = missing.map(
      ({ name, kind, service }) =>
        `${style.status('warn')}  ${kind} ${name} is configured, but ${name === service ? '' : `service ${service} `}has no container`,
    );
    return [...parts, lines.join('\n')].filter((part) => part !== '').join('\n\n');
  },
});

function summary(containers: readonly ContainerStatus[], style: Style): string {
  const bad = containers.filter(({ status }) => status === 'crit' || status === 'warn');
  const running = containers.filter(({ state }) => state === 'running').length;
  const head = `${plural(containers.length, 'container')}, ${running.toString()} running`;
  return bad.length === 0 ? head : `${head}, ${style.as('crit', `${bad.length.toString()} not well`)}`;
}

function table(containers: readonly ContainerStatus[], style: Style): string {
  // A name such as ecommerce-api-prod tells its service already.
  const withService = containers.some(({ name, service }) => !name.includes(service));
  const columns = [
    ...(withService ? [{ title: 'SERVICE' }] : []),
    { title: 'CONTAINER', flexible: true },
    { title: 'VERSION', flexible: true },
    { title: 'STATE' },
    { title: 'UPTIME' },
  ];
  const rows = containers.map((container) => [
    ...(withService ? [container.service] : []),
    container.name,
    [container.version ?? '-', container.colour].filter((part) => part !== undefined).join(' '),
    style.as(container.status, stateOf(container)),
    uptimeOf(container),
  ]);
  return style.table(columns, rows);
}

function stateOf({ state, health, exitCode, oomKilled, restartCount }: ContainerStatus): string {
  const words: string[] = [state === 'running' && health !== 'none' ? health : state];
  if (state === 'exited' && exitCode !== undefined) words[0] = `exited (${exitCode.toString()})`;
  if (state !== 'running' && oomKilled === true) words.push('out of memory');
  if (restartCount !== undefined && restartCount > 0) words.push(plural(restartCount, 'restart'));
  return words.join(', ');
}

function uptimeOf({ uptimeMs, finishedAt }: ContainerStatus): string {
  if (uptimeMs !== undefined) return duration(uptimeMs);
  return finishedAt === undefined ? '-' : `since ${localTime(finishedAt).slice(5, 16)}`;
}

/** Addresses matter: what is published on all of them can be reached from outside. */
function ports(containers: readonly ContainerStatus[], style: Style): string {
  const rows = containers.flatMap((container): [string, string][] => {
    const all = container.ports.map(({ address, port, container: inner, protocol }) => {
      const everywhere = ['0.0.0.0', '::', ''].includes(address);
      return `${everywhere ? '*' : address}:${port.toString()} -> ${inner.toString()}${protocol === 'tcp' ? '' : `/${protocol}`}`;
    });
    return all.length === 0 ? [] : [[container.name, [...new Set(all)].join(', ')]];
  });
  return rows.length === 0 ? '' : `${style.bold('published ports')}\n${style.pairs(rows)}`;
}
