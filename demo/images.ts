/** Builds the images that are missing or whose files changed, several at a time. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { say } from '../scripts/failure.ts';
import { attempt, run } from '../scripts/run.ts';
import { ensureDebian } from './base.ts';
import { bundle } from './bundle.ts';
import { debianMirror } from './mirror.ts';
import { IMAGES, LABEL } from './paths.ts';

/** Fixed order: good ones first. The end of a version says what is wrong with it. */
export const RELEASES = [
  'v1.0.0',
  'v1.1.0',
  'v1.2.0-errors',
  'v1.3.0-slow',
  'v1.4.0-crash',
  'v1.5.0-unhealthy',
  'v1.6.0-leak',
] as const;

const HASH_LABEL = 'opsctl.demo.hash';

interface Image {
  readonly tag: string;
  readonly context: string;
  readonly dockerfile: string;
  readonly args: Readonly<Record<string, string>>;
  /** Of everything that the image is made of, the image below it included. */
  readonly hash: string;
}

function image(
  tag: string,
  context: string,
  below: string,
  dockerfile = join(context, 'Dockerfile'),
  args: Readonly<Record<string, string>> = {},
): Image {
  const hash = createHash('sha256').update(below).update(JSON.stringify(args));
  for (const path of [dockerfile, ...filesIn(context)]) hash.update(readFileSync(path)).update('\0');
  return { tag, context, dockerfile, args, hash: hash.digest('hex').slice(0, 16) };
}

function filesIn(folder: string): string[] {
  return readdirSync(folder)
    .toSorted()
    .map((name) => join(folder, name));
}

/** Makes all images exist and be current. True when any was built. */
export async function ensureImages(): Promise<boolean> {
  const infra = (tag: string, name: string) => image(tag, join(IMAGES, name), base.hash);
  const base = image('opsctl-demo/base:latest', join(IMAGES, 'base'), '');
  const node = infra('opsctl-demo/node:latest', 'node');
  const others = [
    infra('ecommerce-postgres:17', 'postgres'),
    infra('ecommerce-monitoring:demo', 'monitoring'),
    infra('ecommerce-nginx:demo', 'nginx'),
    infra('ecommerce-redis:8', 'redis'),
  ];
  const services = await serviceImages(node.hash);
  const all = [base, node, ...others, ...services];
  const built = await builtHashes(all.map(({ tag }) => tag));
  const stale = (wanted: readonly Image[]) => wanted.filter(({ tag, hash }) => built.get(tag) !== hash);
  if (stale(all).length === 0) return false;

  if (stale([base]).length > 0) {
    await ensureDebian();
    await build(base);
  }
  await buildAll(stale([node, ...others]));
  await buildAll(stale(services));
  // What the new images replaced has no name any more.
  await run(['docker', 'image', 'prune', '--force', '--filter', `label=${LABEL}`]);
  return true;
}

async function serviceImages(below: string): Promise<Image[]> {
  const dockerfile = join(IMAGES, 'service.Dockerfile');
  const make = (service: string, version: string, context: string) =>
    image(`ecommerce-${service}:${version}`, context, below, dockerfile, {
      TITLE: service,
      VERSION: version,
    });
  const [api, web, load] = await Promise.all([bundle('api'), bundle('web'), bundle('load')]);
  return [
    make('load', 'demo', load),
    ...RELEASES.flatMap((version) => [make('api', version, api), make('web', version, web)]),
  ];
}

/** The hashes that existing images were built from, by tag. */
async function builtHashes(tags: readonly string[]): Promise<Map<string, string>> {
  const format = `{{json .RepoTags}}\t{{index .Config.Labels "${HASH_LABEL}"}}`;
  // Missing images make it fail, but those that exist are printed all the same.
  const { stdout } = await attempt(['docker', 'image', 'inspect', '--format', format, ...tags]);
  const found = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    const [names = '', hash = ''] = line.split('\t');
    if (hash === '') continue;
    for (const tag of JSON.parse(names) as string[]) found.set(tag, hash);
  }
  return found;
}

async function buildAll(images: readonly Image[]): Promise<void> {
  const queue = [...images];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) await build(next);
  };
  await Promise.all([worker(), worker(), worker()]);
}

async function build({ tag, context, dockerfile, args, hash }: Image): Promise<void> {
  say(`building image ${tag}`);
  const mirror = debianMirror();
  const buildArgs = { ...(mirror !== undefined && { DEBIAN_MIRROR: mirror }), ...args };
  const argv = [
    'docker',
    'build',
    '--quiet',
    '--tag',
    tag,
    '--file',
    dockerfile,
    // The build needs the packages' mirror, and the machine's own way there is the surest.
    '--network',
    'host',
    '--label',
    LABEL,
    '--label',
    `${HASH_LABEL}=${hash}`,
    ...Object.entries(buildArgs)
      .filter(([name]) => name !== 'DEBIAN_MIRROR' || tag.startsWith('opsctl-demo/base'))
      .flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    context,
  ];
  // The legacy builder: BuildKit is not part of Debian's package.
  await run(argv, { env: { DOCKER_BUILDKIT: '0' } });
}
