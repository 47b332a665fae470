import type { Context } from '../core/command.ts';
import { plural } from '../core/format.ts';
import type { CertificateSource } from '../core/platform.ts';
import type { Certificate } from '../core/ports/http.ts';
import { type Verdict, verdict } from '../core/verdict.ts';
import type { Target } from './run.ts';

const DAY_MS = 86_400_000;

/** Every certificate, where it is shown or kept. */
export const certificateTargets = (context: Context): Target[] =>
  Object.entries(context.platform.certificates).map(([key, from]) => {
    const next = [`opsctl config show certificates.${key} --origin`];
    return { target: `certificates.${key}`, next, look: async () => judge(context, await read(context, from), next) };
  });

async function read({ platform, readers }: Context, from: CertificateSource): Promise<Certificate> {
  const { http, engine, files } = readers;
  if ('url' in from)
    return http.certificate(from.url, { timeoutMs: platform.checks.timeoutMs, tls: from.tls ?? platform.tls });
  if ('file' in from) return http.parseCertificate(await files.read(from.file));
  const mine = await engine.containers({ project: platform.compose.project });
  const container = mine.find((one) => one.service === from.service)?.id ?? from.service;
  return http.parseCertificate(await engine.readFile(container, from.path));
}

/** Whether it ends soon is a matter of health; here it only has to be a certificate. */
function judge(context: Context, { subject, notAfter }: Certificate, next: string[]): Verdict {
  const days = Math.floor((Date.parse(notAfter) - context.now().getTime()) / DAY_MS);
  if (days < 0) return verdict.warn(`${subject} ended ${notAfter}`, next);
  return verdict.ok(`${subject}, ${plural(days, 'day')} left`);
}

/** Every volume that holds data worth keeping. */
export const volumeTargets = ({ platform, readers }: Context): Target[] =>
  platform.volumes.map((name, index) => ({
    target: `volumes.${index.toString()}`,
    next: ['opsctl volume', 'opsctl config show volumes --origin'],
    look: async () => {
      const { driver, usedBy } = await readers.engine.volume(name);
      if (usedBy.length === 0) return verdict.warn(`${name} exists, but no container uses it`, ['opsctl volume']);
      return verdict.ok(`${name} (${driver}), used by ${usedBy.map(({ container }) => container).join(', ')}`);
    },
  }));

/** Compose files, .env, backup marker and authorities on this machine. */
export function fileTargets({ platform, readers }: Context): Target[] {
  const { compose, backup, tls } = platform;
  const named: [string, string | undefined][] = [
    ...compose.files.map((file, index): [string, string] => [`compose.files.${index.toString()}`, file]),
    ['compose.envFile', compose.envFile],
    ['backup.marker', backup?.marker],
    ['tls.ca', tls?.ca],
  ];
  return named.flatMap(([target, file]) => {
    if (file === undefined) return [];
    const next = [`opsctl config show ${target} --origin`];
    return [
      {
        target,
        next,
        look: async () => {
          const at = await readers.files.modifiedAt(file);
          if (at !== undefined) return verdict.ok(`${file}, changed ${at}`);
          // The first backup writes the marker.
          const missing = target === 'backup.marker' ? verdict.warn : verdict.crit;
          return missing(`there is no file ${file} in ${platform.directory}`, next);
        },
      },
    ];
  });
}
