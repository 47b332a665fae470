import { componentPath } from './components.ts';
import { connectionEntries } from './draft-connections.ts';
import { keyOf } from './key.ts';
import { labelOf } from './metrics.ts';
import type { Part, Study } from './study.ts';
import type { Entry } from './yaml-text.ts';

/** What the draft is made for. */
export interface DraftOptions {
  environment: string;
  /** Makes an absolute path relative to the directory of the file that is written. */
  relative: (path: string) => string;
}

const entry = (key: string, value: Entry['value'], comment?: string): Entry => ({
  key,
  value,
  ...(comment === undefined ? {} : { comment }),
});
const section = (key: string, entries: Entry[], comment?: string): Entry[] =>
  entries.length === 0 ? [] : [entry(key, entries, comment)];

/** What a study tells, as entries of one environment. Every guess has a comment that says what it rests on. */
export function environmentEntries(study: Study, options: DraftOptions): Entry[] {
  const { balancer } = study;
  const services = study.parts.filter(({ role }) => role === 'service');
  return [
    {
      key: 'engine',
      value: { inline: { host: study.facts.engine.host } },
      off: true,
      comment: 'Default: DOCKER_HOST, the docker context, the default socket. Discovered on:',
    },
    entry('compose', composeEntries(study, options)),
    ...section(
      'services',
      services.map((part) => serviceEntry(study, part)),
      others(study),
    ),
    ...(balancer === undefined ? [] : [balancerEntry(study)]),
    ...connectionEntries(study),
    ...prometheusEntries(study),
    ...tlsEntries(study),
    ...certificateEntries(study),
    ...volumeEntries(study),
  ];
}

function composeEntries({ facts, files }: Study, { relative }: DraftOptions): Entry[] {
  const here = files.compose.filter((file) => file.here);
  const away = files.compose.filter((file) => !file.here).map(({ path }) => path);
  return [
    entry('project', facts.project),
    ...(here.length === 0
      ? []
      : [
          entry(
            'files',
            here.map(({ path }) => relative(path)),
          ),
        ]),
    ...(away.length === 0
      ? []
      : [{ key: 'files', value: away, off: true, comment: 'Named by the containers, but not on this machine:' }]),
    ...(files.env?.here === true ? [entry('envFile', relative(files.env.path))] : []),
  ];
}

/** What of the project is none of the parts that a configuration names. */
function others({ parts }: Study): string | undefined {
  const named = (role: Part['role']): string =>
    parts
      .filter((part) => part.role === role)
      .map(({ service }) => service)
      .join(', ');
  const tools = named('tool');
  const once = named('once');
  const lines = [
    tools === '' ? '' : `Watched as containers only, since they are no services of your own: ${tools}.`,
    once === '' ? '' : `Left out, since they ran once and ended: ${once}.`,
  ].filter((line) => line !== '');
  return lines.length === 0 ? undefined : lines.join('\n');
}

function serviceEntry(study: Study, part: Part): Entry {
  const { balancer, labels, connections } = study;
  const health = study.health.get(part.service);
  const behind = balancer?.facts.known === true && health?.url.startsWith('http') !== true;
  const key = keyOf(part.service);
  const details: Entry[] = key === part.service ? [] : [entry('service', part.service)];
  if (health !== undefined) {
    const kind = health.json ? 'JSON' : health.because.includes('front page') ? 'a page' : 'text';
    details.push(entry('health', health.url, `${health.because}; answered ${health.status.toString()} with ${kind}.`));
  }
  const components = health?.json === true ? componentEntries(study, health.body) : [];
  if (components.length > 0) details.push(entry('components', components, 'Found in its health answer.'));
  const uses = connections.some(({ by }) => by === part.service);
  if (health?.json === true && components.length === 0 && uses)
    details.push({
      key: 'components',
      value: { inline: { database: 'path.in.the.answer' } },
      off: true,
      comment: 'Its health answer names neither database nor cache; opsctl asks them itself.',
    });
  if (behind)
    details.push(entry('deployable', false, 'Not reached from outside, so no release has to switch traffic to it.'));
  const label = labels === undefined ? undefined : labelOf(part.service, labels);
  if (label !== undefined && label !== key) details.push(entry('metrics', label, 'Its label in Prometheus.'));
  const without =
    health === undefined ? 'No health URL answered from here; the health of its containers counts.' : undefined;
  // A key needs a value: without details the compose name says it again.
  return entry(key, details.length === 0 ? [entry('service', part.service)] : details, without);
}

function componentEntries({ parts, connections }: Study, body: string): Entry[] {
  return (['database', 'cache'] as const).flatMap((part) => {
    const exists = parts.some(({ role }) => role === part) || connections.some(({ kind }) => kind === part);
    const path = exists ? componentPath(body, part) : undefined;
    return path === undefined ? [] : [entry(part, path)];
  });
}

function balancerEntry({ balancer, parts }: Study): Entry {
  const health = balancer?.health;
  const more = parts.filter(({ role, service }) => role === 'nginx' && service !== balancer?.part.service);
  const also = more.length === 0 ? '' : ` Another nginx: ${more.map(({ service }) => service).join(', ')}.`;
  const why = balancer?.facts.known === true ? 'its configuration passes requests on' : 'it publishes a port';
  return entry(
    'loadBalancer',
    [
      entry('service', balancer?.part.service ?? ''),
      ...(health === undefined ? [] : [entry('health', health.url, `${health.because}.`)]),
    ],
    `The load balancer: ${balancer?.part.because ?? ''}, and ${why}.${also}`,
  );
}

function prometheusEntries({ parts, labels }: Study): Entry[] {
  const part = parts.find(({ role }) => role === 'prometheus');
  if (part === undefined) return [];
  const said =
    labels === undefined
      ? 'It could not be asked from here.'
      : labels.length === 0
        ? 'It has no http_requests_total with a label `service`: write `queries` that give one sample a service.'
        : `Services that it knows: ${labels.join(', ')}.`;
  return [entry('prometheus', [entry('service', part.service)], `${part.because}. ${said}`)];
}

/** Needed only where a URL of this file is https with a certificate that nobody here trusts. */
function tlsEntries({ balancer, health }: Study): Entry[] {
  const secure = [...health.values(), ...(balancer?.health === undefined ? [] : [balancer.health])].some(({ url }) =>
    url.startsWith('https:'),
  );
  const why = balancer?.certificate?.untrusted;
  if (!secure || why === undefined) return [];
  return [
    entry(
      'tls',
      { inline: { insecure: true } },
      `The certificate is not trusted here: ${why}. Better: name its authority with \`ca\`.`,
    ),
  ];
}

function certificateEntries({ balancer }: Study): Entry[] {
  const url = balancer?.bases.find(({ secure }) => secure)?.url;
  if (balancer === undefined || url === undefined || balancer.certificate === undefined) return [];
  const { untrusted, notAfter } = balancer.certificate;
  const tls =
    untrusted === undefined ? [] : [entry('tls', { inline: { insecure: true } }, `Not trusted here: ${untrusted}.`)];
  return section(
    'certificates',
    [entry(keyOf(balancer.part.service), [entry('url', url), ...tls])],
    `Shown by the load balancer; ends ${notAfter}.`,
  );
}

const TRANSIENT = /(^|[_.-])(logs?|tmp|temp|cache|socket|run)$/i;

function volumeEntries({ parts }: Study): Entry[] {
  const keeps = parts.filter(({ role }) => role === 'database' || role === 'cache' || role === 'service');
  const mounted = keeps.flatMap(({ containers }) => containers.flatMap(({ volumes }) => volumes));
  const names = mounted.flatMap(({ volume, readOnly }) =>
    volume === undefined || readOnly || /^[0-9a-f]{64}$/.test(volume) ? [] : [volume],
  );
  const unique = [...new Set(names)].toSorted();
  const worth = unique.filter((name) => !TRANSIENT.test(name));
  const rest = unique.filter((name) => TRANSIENT.test(name));
  const left = rest.length === 0 ? '' : ` Left out by their names: ${rest.join(', ')}.`;
  return worth.length === 0 ? [] : [entry('volumes', worth, `Written by databases, caches and services.${left}`)];
}
