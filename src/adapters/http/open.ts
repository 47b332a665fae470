import type { HttpReader, TlsOptions } from '../../core/ports/http.ts';
import { bodyText } from './body.ts';
import { parseCertificate, shownCertificate } from './certificate.ts';
import { send } from './request.ts';
import { readTarget } from './target.ts';
import { openTrust } from './trust.ts';

/** Enough for any health answer or error page worth quoting. */
const BODY_LIMIT = 64 * 1024;

/**
 * Looks at HTTP servers. Redirects are not followed, nothing is retried, no proxy is used, no connection is kept;
 * user name and password in a URL become an Authorization header and appear in no message.
 * @param options.directory where relative `tls.ca` paths start: that of the configuration file
 * @param options.defaults TLS options of the environment; those of a request win, field by field
 */
export function openHttp(options: { directory: string; defaults?: TlsOptions }): HttpReader {
  const trustFor = openTrust(options.directory, options.defaults);
  return {
    get: async (url, request) => {
      const target = readTarget(url);
      const answer = await send(target, {
        method: request.method ?? 'GET',
        timeoutMs: request.timeoutMs,
        bodyLimit: request.bodyLimit ?? BODY_LIMIT,
        trust: target.secure ? await trustFor(request.tls ?? {}) : undefined,
        ...(request.headers === undefined ? {} : { headers: request.headers }),
      });
      return {
        status: answer.status,
        headers: flat(answer.headers),
        body: bodyText(answer.body),
        truncated: answer.body.truncated,
        size: answer.body.size,
        remoteAddress: answer.remoteAddress,
        httpVersion: answer.httpVersion,
        timings: answer.timings,
      };
    },
    certificate: async (url, request) =>
      shownCertificate(readTarget(url), await trustFor(request.tls ?? {}), request.timeoutMs),
    parseCertificate,
  };
}

/** Node joins repeated headers with a comma, all but set-cookie. */
function flat(headers: NodeJS.Dict<string | string[]>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}
