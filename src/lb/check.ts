/** Whether a load balancer is ready for deploys that lose no request: each thing that it needs, judged. */
import { type Verdict, verdict } from '../core/verdict.ts';
import { aliasOf, colourIn, colourOf } from '../core/routing.ts';
import { type Directive, directivesIn, hostsOf, secondsOf } from './directives.ts';
import {
  type InstanceFacts,
  isWritten,
  type Part,
  routingOf,
  type SetupFacts,
  type SwitchedFacts,
  unknownPorts,
} from './observe.ts';
import { includes, isAtLeast, KEEPS_IDLE_SINCE, RESOLVES_SINCE, variableOf } from './snippets.ts';

/** A thing that is needed, and whether it is so. */
export interface Finding extends Verdict {
  id: string;
  /** Container or service that it is about. */
  about: string;
}

/** How long nginx may keep an address without names of new containers being seen late, in seconds; Docker says 600. */
const RESOLVED_SECONDS = 10;

const SETUP = 'opsctl lb setup --dry-run';
const CHECK = 'opsctl lb check';

/**
 * What keeps visitors from a release of some services: what the load balancer as a whole lacks, or for one of them. That
 * nothing runs of what is live does not: who deploys then may well be mending it.
 */
export const lackingFor = (services: readonly string[], facts: SetupFacts): Finding[] =>
  checkSetup({ ...facts, services: facts.services.filter(({ name }) => services.includes(name)) }).filter(
    // That it may forget where traffic goes is warned of: it does not keep this deploy from what it does.
    ({ id, status }) => status === 'crit' && !['directory', 'live'].includes(id),
  );

/** Everything that is needed, one by one. */
export const checkSetup = (facts: SetupFacts): Finding[] => [
  ...facts.instances.flatMap((instance) => instanceFindings(instance, facts)),
  ...unknownPorts(facts.services).map(({ name, message }) => ({
    id: 'port',
    about: name,
    ...verdict.crit(message, [`# set services.${name}.port in opsctl.yaml`, CHECK]),
  })),
  ...facts.services.flatMap((service) =>
    facts.instances
      .filter(({ unasked }) => unasked.routing === undefined)
      .slice(0, 1)
      .map((instance) => liveFinding(service, instance)),
  ),
];

function instanceFindings(instance: InstanceFacts, facts: SetupFacts): Finding[] {
  const { unasked } = instance;
  const about = (id: string, found: Verdict): Finding => ({ id, about: instance.name, ...found });
  const asked = (part: Part, judged: (one: InstanceFacts) => Verdict): Finding => {
    const why = unasked[part];
    return about(
      part,
      why === undefined ? judged(instance) : verdict.unknown(`it could not be asked: ${why}`, [CHECK]),
    );
  };
  // The files differ from version to version: what is to be there is not known without it.
  const isVersionKnown = unasked.version === undefined;
  return [
    asked('configuration', configuration),
    asked('version', version),
    about('directory', directory(instance, facts.directory)),
    asked('switch', canSwitch),
    ...(isVersionKnown ? [asked('files', (one) => files(one, facts))] : []),
    asked('routing', routing),
    ...(instance.test.ok && unasked.configuration === undefined
      ? written(instance, facts).map(([id, found]) => about(id, found))
      : []),
    ...(isVersionKnown
      ? facts.services.map((service) => ({ id: 'running', about: service.name, ...running(instance, service) }))
      : []),
  ];
}

const configuration = ({ test }: InstanceFacts): Verdict =>
  test.ok
    ? verdict.ok('its configuration loads')
    : verdict.crit(`its configuration does not load: ${lastLine(test.output)}`, ['opsctl lb reload --dry-run']);

function version({ version: found }: InstanceFacts): Verdict {
  if (!isAtLeast(found, RESOLVES_SINCE))
    return verdict.warn(
      `nginx ${found} cannot look names of an upstream up again (since ${RESOLVES_SINCE}): connections to the services are not kept`,
      [],
    );
  if (!isAtLeast(found, KEEPS_IDLE_SINCE))
    return verdict.warn(
      `nginx ${found} resets idle connections when it reloads (keepalive_min_timeout comes with ${KEEPS_IDLE_SINCE}); switches do not reload`,
      [],
    );
  return verdict.ok(`nginx ${found}`);
}

function directory({ volume }: InstanceFacts, path: string): Verdict {
  const next = [`# in the compose file, for this service: volumes: [nginx_state:${path}]`];
  if (volume === undefined)
    return verdict.crit(`${path} is on no volume: where traffic goes would be forgotten with the container`, next);
  // The engine calls volumes so that nobody named.
  if (/^[0-9a-f]{64}$/.test(volume))
    return verdict.warn(`${path} is on a volume without a name: docker-compose down forgets where traffic goes`, next);
  return verdict.ok(`${path} is on ${volume}, which outlives the container`);
}

const canSwitch = ({ canSwitch: can }: InstanceFacts): Verdict =>
  can
    ? verdict.ok('a link is replaced by one rename')
    : verdict.crit('the container has no mv that replaces a link (`mv -T`)', [
        '# use an image with coreutils or busybox',
      ]);

function files(instance: InstanceFacts, { directory: path, services }: SetupFacts): Verdict {
  const written = `${instance.wanted.files.map(({ name }) => name).join(' and ')} are as they should be`;
  const unknown = unknownPorts(services);
  if (isWritten(instance) && unknown.length > 0) {
    const whose = unknown.map(({ name }) => name).join(' and ');
    return verdict.unknown(`${written}, but for the port of ${whose}, which is not known`, [CHECK]);
  }
  if (isWritten(instance)) return verdict.ok(written);
  const what = instance.present.every(({ text }) => text === null) ? 'are not written' : 'are not as they should be';
  return verdict.crit(`the files in ${path} ${what}`, [SETUP]);
}

function routing(instance: InstanceFacts): Verdict {
  const { routing: found } = instance;
  if (found === undefined) return verdict.crit('it was never told where traffic goes', [SETUP]);
  if ('why' in found) return verdict.crit(found.why, [SETUP]);
  return verdict.ok(`generation ${found.generation.toString()} since ${found.since}`);
}

/** What can be read in the configuration. */
function written(
  { wanted, configuration: text, version: found }: InstanceFacts,
  { directory: path, services }: SetupFacts,
): [string, Verdict][] {
  const all = directivesIn(text);
  const named = (name: string): Directive[] => all.filter(({ words }) => words[0] === name);
  const included = wanted.files.map(({ name }): [string, Verdict] => {
    const [place = ''] = name.split('/');
    const where = place === 'http' ? 'the http block' : 'each server block that serves the platform';
    return [
      `include-${place}`,
      includes(text, `${path}/${name}`)
        ? verdict.ok(`${name} is included`)
        : verdict.crit(`${name} is not included`, [`# in ${where} of nginx: include ${path}/${place}/*.conf;`, CHECK]),
    ];
  });
  const used = services.map(({ name }): [string, Verdict] => {
    const variable = variableOf(name);
    const addresses = named('proxy_pass').flatMap(({ words: [, address = ''] }) =>
      passesTo(address, variable) ? [address] : [],
    );
    const next = [`# in the location of ${name}: proxy_pass http://${variable};`, CHECK];
    return [`location-${name}`, passing(addresses, { name, variable, next })];
  });
  return [
    ...included,
    ...used,
    ...services.flatMap((service) => fixed(service, all)),
    ['resolver', resolver(named('resolver'))],
    ...(isAtLeast(found, KEEPS_IDLE_SINCE) && named('keepalive_min_timeout').length === 0
      ? [
          [
            'idle-connections',
            verdict.warn('a reload resets clients that are just sending', [
              '# in the http block of nginx: keepalive_min_timeout 10s;',
            ]),
          ] satisfies [string, Verdict],
        ]
      : []),
  ];
}

const passesTo = (address: string, variable: string): boolean => {
  const [, target] = /^https?:\/\/(\$\{\w+\}|\$\w+)/.exec(address) ?? [];
  return target?.replaceAll(/[{}]/g, '') === variable;
};

/** How requests of a service are passed on. A path behind a variable takes the place of what was asked (nginx, proxy_pass). */
function passing(
  addresses: readonly string[],
  { name, variable, next }: { name: string; variable: string; next: string[] },
): Verdict {
  if (addresses.length === 0) return verdict.crit(`no location passes requests to ${variable}`, next);
  const fixedPath = addresses.find((address) => /^https?:\/\/\$[^/]*\/[^$]*$/.test(address));
  if (fixedPath === undefined) return verdict.ok(`requests of ${name} go to ${variable}`);
  return verdict.warn(`${fixedPath} asks ${name} for that one path, whatever was asked`, next);
}

/** Where requests are passed to containers of a service by a name of theirs: no switch reaches those. */
function fixed({ name, containers }: SwitchedFacts, all: readonly Directive[]): [string, Verdict][] {
  const names = new Set([name, ...containers.flatMap((one) => [one.name, ...one.aliases])]);
  const places = all.flatMap(({ words: [directive, address = ''], within }) => {
    if (directive !== 'proxy_pass' || !hostsOf(address, all).some((host) => names.has(host))) return [];
    const place = within.findLast((block) => block.startsWith('location')) ?? 'a place';
    return [`${place} (${address})`];
  });
  if (places.length === 0) return [];
  const next = [`# in each of them: proxy_pass http://${variableOf(name)};`, CHECK];
  const what = `requests pass to ${name} whichever colour is live, past every switch: ${places.join(', ')}`;
  return [[`fixed-${name}`, verdict.warn(what, next)]];
}

/** Every resolver must forget soon: a name that was not there a moment ago is that of the new colour. */
function resolver(all: readonly Directive[]): Verdict {
  const next = ['# in the http block of nginx: resolver 127.0.0.11 valid=1s ipv6=off;'];
  if (all.length === 0) return verdict.crit('no resolver: containers that come later are not found', next);
  const kept = all.map(({ words }) => words.find((word) => word.startsWith('valid='))?.slice('valid='.length));
  const late = kept.find((valid) => valid !== undefined && (secondsOf(valid) ?? Infinity) > RESOLVED_SECONDS);
  if (late !== undefined) return verdict.warn(`names of new containers are seen late: it keeps them for ${late}`, next);
  if (kept.includes(undefined))
    return verdict.warn(
      'names of new containers are seen late: without valid=1s it keeps them for 600 s, as Docker says',
      next,
    );
  return verdict.ok('names are looked up while it runs');
}

/** What nginx says of itself where visitors come in. */
function running({ loaded, wanted }: InstanceFacts, { name, url }: SwitchedFacts): Verdict {
  const found = loaded[name];
  if (found === undefined || url === undefined)
    return verdict.unknown('it has no health URL at which nginx could be asked', [
      `# set services.${name}.health in opsctl.yaml`,
    ]);
  if ('why' in found) return verdict.unknown(`nginx cannot be asked at ${url}: ${found.why}`, ['opsctl health']);
  if (found.digest === wanted.digest) return verdict.ok(`nginx runs with these files at ${new URL(url).origin}`);
  return verdict.crit(
    found.digest === undefined
      ? `what answers at ${new URL(url).origin} does not run with these files`
      : `nginx runs with other files at ${new URL(url).origin} than are on its disk`,
    [SETUP],
  );
}

/** The live containers must run, and be found by the name of their colour. */
function liveFinding({ name, containers }: SwitchedFacts, instance: InstanceFacts): Finding {
  const colour = colourIn(routingOf(instance) ?? { live: {} }, name);
  const live = containers.filter((one) => colourOf(one) === colour);
  const alias = aliasOf(name, colour);
  const without = live.find(({ aliases }) => !aliases.includes(alias));
  if (live.length === 0) {
    const down = verdict.crit(`no container of ${name} runs in ${colour}, which is live`, ['opsctl deploy status']);
    return { id: 'live', about: name, ...down };
  }
  const found =
    without === undefined
      ? verdict.ok(`its live containers are found as ${alias}`)
      : verdict.crit(`${without.name} is not found as ${alias}`, [
          `# in the compose file, for ${name}: networks: { <network>: { aliases: [${alias}] } }`,
          CHECK,
        ]);
  return { id: 'name', about: name, ...found };
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';
