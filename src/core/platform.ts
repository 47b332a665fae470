/**
 * The platform as the configuration describes it: the words in which the rest of the program speaks.
 * Every field's description is what the published JSON Schema and the reference show.
 */
import * as z from 'zod';

import { deploySchema, releaseSeriesSchema } from './deploy-options.ts';
import { VARIABLE_NAME } from './dotenv.ts';
import { thresholdsSchema } from './thresholds.ts';
import { address, milliseconds, text, withoutPassword } from './values.ts';

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'letters, digits, dot, dash and underscore only');
const url = address('let this address answer without one');

/** Where a secret is found. Never the secret itself. */
export const secretRefSchema = z
  .union(
    [
      z.strictObject({ env: text.describe('name of an environment variable of opsctl') }),
      z.strictObject({ file: text.describe('path of a file, relative to the configuration file') }),
      z.strictObject({
        command: z.array(text).min(1).describe('program and arguments that print the secret; no shell'),
      }),
      z.strictObject({
        container: text.describe("name of a variable in the container's own environment; NAME_FILE is followed"),
      }),
    ],
    { error: 'expected a reference to a secret, such as { env: NAME }; never the secret itself' },
  )
  .meta({ id: 'SecretRef', description: 'a reference to a secret; exactly one of env, file, command, container' });
export type SecretRef = z.infer<typeof secretRefSchema>;

const tls = z
  .strictObject({
    ca: text.optional().describe('PEM file of an authority to trust in addition, relative to the configuration file'),
    serverName: text.optional().describe("name to expect in the certificate instead of the URL's host"),
    insecure: z.boolean().optional().describe('accept any certificate; a warning says so wherever it matters'),
  })
  .meta({ id: 'Tls', description: 'how certificates are verified' });

/** An HTTP service of the platform. */
export const serviceSchema = z
  .strictObject({
    service: text.optional().describe('compose service name; default: the key'),
    health: url
      .optional()
      .describe('health URL as the outside sees it; without one, the health of the containers counts'),
    components: z
      .strictObject({
        database: text
          .nullable()
          .optional()
          .describe('path of the database in the health answer, such as checks.db; null: not reported'),
        cache: text.nullable().optional().describe('path of the cache in the health answer; null: not reported'),
      })
      .optional()
      .describe('where the health answer reports database and cache; default: the usual names are looked for'),
    deployable: z.boolean().default(true).describe('part of a release'),
    port: z
      .number()
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .describe('port that its containers listen on; default: the only one that their image exposes'),
    versionVariable: text
      .regex(VARIABLE_NAME, 'the name of a variable: letters, digits and underscore')
      .optional()
      .describe(
        'variable of compose.envFile that holds its version; default: read from its image in the compose files',
      ),
    smoke: z
      .array(z.string().regex(/^\/(?!\/)/, 'expected a path such as /ready'))
      .optional()
      .describe('paths asked of a new version before it gets traffic; default: the path of `health`'),
    releaseCommand: z
      .strictObject({
        command: z
          .array(text)
          .min(1)
          .describe('program and arguments, run in a container of the new version; no shell'),
        timeoutMs: milliseconds.default(600_000),
      })
      .optional()
      .describe('run once before a new version gets traffic, such as database migrations; its failure ends the deploy'),
    metrics: text.optional().describe('value of the service label in Prometheus; default: the key'),
  })
  .meta({ id: 'Service' });
export type Service = z.infer<typeof serviceSchema>;

export const loadBalancerSchema = z
  .strictObject({
    kind: z.literal('nginx').default('nginx'),
    service: text.optional().describe('compose service name; absent when it is not a container of this platform'),
    health: url.optional().describe('URL that the load balancer answers'),
    directory: z
      .string()
      .startsWith('/')
      .default('/etc/opsctl')
      .describe('directory in its containers, on a volume, that tells it where traffic goes; see `opsctl lb setup`'),
  })
  .meta({ id: 'LoadBalancer' });

const connection = {
  service: text
    .optional()
    .describe('compose service name of the server; with a url, the service whose container { container: … } means'),
  url: z
    .union([withoutPassword, secretRefSchema])
    .optional()
    .describe('connection URL (without a password) or a reference to one; default: found through the container'),
  user: text.optional(),
  password: secretRefSchema.optional().describe("default: the container's own environment or secret file"),
  tls: tls.optional(),
};

export const databaseSchema = z
  .strictObject({ kind: z.literal('postgres').default('postgres'), ...connection, database: text.optional() })
  .refine((value) => value.service !== undefined || value.url !== undefined, 'needs a service or a url')
  .meta({ id: 'Database' });
export type Database = z.infer<typeof databaseSchema>;

/** `{1..500}` in a URL stands for each of these numbers. */
export const RANGE = /\{(\d{1,9})\.\.(\d{1,9})\}/;
/** Stands in a key for the number in its URL. */
export const NUMBER = '{}';

const warmSchema = z
  .strictObject({
    urls: z
      .array(
        z.union([
          url,
          z
            .strictObject({
              url,
              key: text.describe('key that is there once it was asked for; {} is the number in the URL'),
            })
            .refine((one) => !one.key.includes(NUMBER) || RANGE.test(one.url), 'its URL has no range such as {1..500}'),
        ]),
      )
      .min(1)
      .describe('URLs whose answers fill the cache; {1..500} stands for each of these numbers'),
    concurrency: z.number().int().min(1).max(32).default(4).describe('requests at a time'),
    p99Ms: milliseconds.default(3000).describe('slower answers than this, in their 99th percentile, end it'),
  })
  .meta({ id: 'Warm' });
export type WarmList = z.infer<typeof warmSchema>;

/** The highest number that a database of a cache is expected to have; servers have 16 unless told otherwise. */
export const LAST_DATABASE = 65_535;

export const cacheSchema = z
  .strictObject({
    kind: z.literal('redis').default('redis').describe('Redis or Valkey'),
    ...connection,
    database: z
      .number()
      .int()
      .min(0)
      .max(LAST_DATABASE)
      .optional()
      .describe(
        'number of the database that the platform uses; default: the one in the url, as in redis://host/2, or 0',
      ),
    warm: warmSchema.optional().describe('what `opsctl cache warm` asks for'),
  })
  .refine((value) => value.service !== undefined || value.url !== undefined, 'needs a service or a url')
  .meta({ id: 'Cache' });
export type Cache = z.infer<typeof cacheSchema>;

export const prometheusSchema = z
  .strictObject({
    service: text.optional().describe('compose service name'),
    url: address('put a token behind `bearer:`').optional().describe('default: found through the container'),
    bearer: secretRefSchema.optional().describe('token for the Authorization header'),
    tls: tls.optional(),
    queries: z
      .strictObject({
        requestRate: text.default('sum by (service) (rate(http_requests_total[1m]))'),
        errorShare: text.default(
          'sum by (service) (rate(http_requests_total{status=~"5.."}[1m])) / sum by (service) (rate(http_requests_total[1m]))',
        ),
        p95: text.default(
          'histogram_quantile(0.95, sum by (service, le) (rate(http_request_duration_seconds_bucket[1m])))',
        ),
        saturation: text
          .optional()
          .describe(
            'share of what a service can bear that is in use (a pool, a queue, its threads); default: the memory of its containers against their limit',
          ),
      })
      .prefault({})
      .describe('PromQL that gives one sample a service, with the label `service`; p95 in seconds'),
    release: releaseSeriesSchema,
  })
  .refine((value) => value.service !== undefined || value.url !== undefined, 'needs a service or a url')
  .meta({ id: 'Prometheus' });

export const certificateSchema = z
  .union([
    z.strictObject({ url: url.describe('server that shows the certificate'), tls: tls.optional() }),
    z.strictObject({
      service: text.describe('compose service that holds the file'),
      path: text.describe('PEM file inside the container'),
    }),
    z.strictObject({ file: text.describe('PEM file on this machine, relative to the configuration file') }),
  ])
  .meta({ id: 'Certificate' });
export type CertificateSource = z.infer<typeof certificateSchema>;

export const contactSchema = z
  .strictObject({
    role: text.describe('such as on-call engineer'),
    name: text.optional(),
    phone: text.optional(),
    email: text.optional(),
    chat: text.optional(),
    level: z.number().int().positive().optional().describe('level in the escalation matrix, 1 is called first'),
    vendor: z.boolean().default(false).describe('an outside company'),
    note: text.optional(),
  })
  .meta({ id: 'Contact' });

export const linksSchema = z
  .record(name, z.union([url, z.strictObject({ url, title: text.optional() })]))
  .meta({ id: 'Links' });

const keyed = <T extends z.ZodType>(value: T): z.ZodPrefault<z.ZodRecord<typeof name, T>> =>
  z.record(name, value).prefault({});

/** One environment of the configuration file, with its defaults filled in. */
export const platformSchema = z
  .strictObject({
    protected: z
      .boolean()
      .optional()
      .describe("confirm by typing the environment's name; default: true when it is called production"),
    engine: z
      .strictObject({
        host: text
          .optional()
          .describe(
            'unix://, tcp://, ssh:// or npipe://; default: DOCKER_HOST, the docker context, the default socket',
          ),
      })
      .prefault({}),
    compose: z
      .strictObject({
        project: text.describe("compose project name, as `docker-compose ls` or the containers' labels show it"),
        files: z.array(text).default([]).describe('compose files, relative to the configuration file'),
        envFile: text.optional().describe('the .env file that the compose files read'),
      })
      .describe('the compose project that runs the platform'),
    services: keyed(serviceSchema),
    loadBalancer: loadBalancerSchema.optional(),
    deploy: deploySchema,
    databases: keyed(databaseSchema),
    caches: keyed(cacheSchema),
    prometheus: prometheusSchema.optional(),
    certificates: keyed(certificateSchema),
    volumes: z.array(text).default([]).describe('volumes that hold data worth keeping'),
    backup: z
      .strictObject({
        marker: text.describe(
          'file whose modification time is the time of the last good backup, relative to the configuration file',
        ),
      })
      .optional(),
    tls: tls.optional().describe('for the URLs of this environment'),
    checks: z
      .strictObject({
        timeoutMs: milliseconds.default(5000).describe('deadline of one check'),
        disable: z.array(text).default([]).describe('ids of checks to leave out'),
      })
      .prefault({}),
    thresholds: thresholdsSchema,
    contacts: z.array(contactSchema).default([]),
    links: linksSchema.default({}),
  })
  .meta({ id: 'Environment' });

/** An environment, resolved: what every command is given. */
export type Platform = z.infer<typeof platformSchema> & {
  /** Name of the environment. */
  environment: string;
  protected: boolean;
  /** Directory of the configuration file; relative paths start here. */
  directory: string;
};
