/** Asking nginx for a certain colour, as only who knows its token can. */
import { OpsError } from '../core/errors.ts';
import type { HttpAnswer, HttpReader } from '../core/ports/http.ts';
import type { ProbeRequest } from '../core/ports/load-balancer.ts';
import { CONFIRM_PATH, PROBE_HEADER, VISITOR_COOKIE } from '../core/routing.ts';

/** Bytes of its own answer that are read. */
const CONFIRM_LIMIT = 200;

/** What nginx says of itself at the server of a URL; undefined when it does not know opsctl or the token. */
export async function confirm(
  http: HttpReader,
  token: string,
  { url, colour, timeoutMs, tls }: ProbeRequest,
): Promise<{ digest: string; colour: string } | undefined> {
  const { status, body } = await http.get(new URL(CONFIRM_PATH, url).href, {
    timeoutMs,
    tls,
    bodyLimit: CONFIRM_LIMIT,
    headers: { [PROBE_HEADER]: `${colour}-${token}` },
  });
  const [, digest, told] = /^opsctl ([0-9a-f]+) (\w+)$/.exec(body.trim()) ?? [];
  return status !== 200 || digest === undefined || told === undefined ? undefined : { digest, colour: told };
}

export async function probe(
  http: HttpReader,
  token: string,
  request: ProbeRequest,
): Promise<HttpAnswer & { sticky: boolean }> {
  const { url, colour, timeoutMs, tls } = request;
  const known = await confirm(http, token, request);
  if (known?.colour !== colour) {
    throw new OpsError('UNSAFE', `what answers at ${new URL(url).origin} does not let ${colour} be asked for`, {
      hint: 'The URL must lead to the load balancer, which must run with what was set up: opsctl lb check',
    });
  }
  const answer = await http.get(url, { timeoutMs, tls, headers: { [PROBE_HEADER]: `${colour}-${token}` } });
  return { ...answer, sticky: (answer.headers['set-cookie'] ?? '').includes(`${VISITOR_COOKIE}=`) };
}
