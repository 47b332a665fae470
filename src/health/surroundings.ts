import { certificate as judgeCertificate } from '../checks/certificate.ts';
import type { Context } from '../core/command.ts';
import { asOpsError, OpsError } from '../core/errors.ts';
import type { Certificate } from '../core/ports/http.ts';
import type { CertificateSource } from '../core/platform.ts';
import { against, verdict } from '../core/verdict.ts';
import { notObserved, type Probe } from './probe.ts';

/** Each configured certificate. */
export function certificateProbes(context: Context, timeoutMs: number): Probe[] {
  return Object.entries(context.platform.certificates).map(([name, source]) => ({
    id: `certificate:${name}`,
    component: 'certificates',
    timeoutMs,
    run: async () => {
      try {
        const facts = await readCertificate(context, source, timeoutMs);
        // Whoever configured that any certificate will do has been told enough.
        const accepted = 'url' in source && (source.tls ?? context.platform.tls)?.insecure === true;
        if (accepted) delete facts.untrusted;
        return judgeCertificate(facts, context.platform.thresholds.certificateDays, context.now().getTime());
      } catch (thrown) {
        const seen = notObserved(asOpsError(thrown));
        return seen.next.length === 0 && 'url' in source ? { ...seen, next: [`opsctl trace ${source.url}`] } : seen;
      }
    },
  }));
}

async function readCertificate(context: Context, source: CertificateSource, timeoutMs: number): Promise<Certificate> {
  const { http, engine } = context.readers;
  if ('url' in source) {
    return http.certificate(source.url, {
      timeoutMs: Math.max(500, timeoutMs - 250),
      tls: source.tls ?? context.platform.tls,
    });
  }
  if ('file' in source) return http.parseCertificate(await context.readers.files.read(source.file));
  const holder = (await engine.containers({ project: context.platform.compose.project })).find(
    (one) => one.service === source.service,
  );
  if (holder === undefined)
    throw new OpsError('NOT_FOUND', `no container of service ${source.service} holds the certificate ${source.path}`, {
      hint: 'See: opsctl status',
    });
  return http.parseCertificate(await engine.readFile(holder.id, source.path));
}

const HOUR_MS = 3_600_000;

/** Age of the last backup, where the configuration says how to know. */
export function backupProbes(context: Context, timeoutMs: number): Probe[] {
  const { backup, thresholds } = context.platform;
  if (backup === undefined) return [];
  return [
    {
      id: 'backup',
      component: 'backup',
      timeoutMs,
      run: async () => {
        const at = await context.readers.files.modifiedAt(backup.marker);
        if (at === undefined)
          return verdict.crit(`no backup is known: ${backup.marker} does not exist`, [
            'Run the backup and look at its log',
          ]);
        const hours = (context.now().getTime() - Date.parse(at)) / HOUR_MS;
        const { status, threshold } = against(hours, thresholds.backupAgeHours);
        const reason = `last backup ${hours.toFixed(1)} hours ago`;
        const measured = { value: Math.round(hours * 10) / 10, unit: 'hours', threshold };
        return status === 'ok'
          ? verdict.ok(reason, measured)
          : { status, reason, ...measured, next: ['Run the backup and look at its log'] };
      },
    },
  ];
}
