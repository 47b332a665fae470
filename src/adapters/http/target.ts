import { OpsError } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';

/** A URL taken apart so that no message can repeat what must stay secret in it. */
export interface Target {
  /** Without user name and password. */
  url: URL;
  /** For messages: no credentials and no query, which often carries tokens. */
  label: string;
  /** Name or address, IPv6 without its brackets. */
  host: string;
  port: number;
  secure: boolean;
  /** Basic credentials of the URL, ready for the header; absent without any. */
  authorization?: Secret;
}

/** @throws USAGE for anything but an http:// or https:// URL */
export function readTarget(text: string): Target {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') {
    throw new OpsError('USAGE', `${harmless(text)} is not an http:// or https:// URL`);
  }
  const secure = url.protocol === 'https:';
  const authorization = basic(url);
  url.username = '';
  url.password = '';
  url.hash = '';
  return {
    url,
    label: `${url.origin}${url.pathname === '/' ? '' : url.pathname}`,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    secure,
    ...(authorization === undefined ? {} : { authorization }),
  };
}

function basic(url: URL): Secret | undefined {
  if (url.username === '' && url.password === '') return undefined;
  const password = decoded(url.password);
  // Made known, so that a server which repeats it in its answer does not publish it either.
  new Secret(password);
  return new Secret(`Basic ${Buffer.from(`${decoded(url.username)}:${password}`).toString('base64')}`);
}

/** A stray percent sign is taken as itself, as browsers and curl do. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** What of a text that is no URL may be shown: nothing before an @, no path, no query. */
function harmless(text: string): string {
  const shown = text
    .slice(text.lastIndexOf('@') + 1)
    .replace(/^([a-z][a-z0-9+.-]*:\/\/)?([^/?#]*).*$/is, '$1$2')
    .slice(0, 80);
  return shown === '' ? 'an empty text' : `"${shown}"`;
}
