/** HTTP requests and certificates. */

/** Phases of one request in ms. A phase that did not happen (no TLS, an address instead of a name) is absent. */
export interface Timings {
  dns?: number;
  connect: number;
  tls?: number;
  /** From the request sent to the first byte of the answer. */
  firstByte: number;
  total: number;
}

export interface HttpAnswer {
  status: number;
  headers: Record<string, string>;
  /** Cut at the limit asked for; `truncated` says so. */
  body: string;
  truncated: boolean;
  /** Bytes received of the body. */
  size: number;
  remoteAddress: string;
  httpVersion: string;
  timings: Timings;
}

export interface HttpRequest {
  method?: 'GET' | 'HEAD';
  timeoutMs: number;
  /** Bytes of body kept; the rest is not read. Default 64 KiB. */
  bodyLimit?: number;
  tls?: TlsOptions | undefined;
  headers?: Record<string, string>;
}

/** How a server's certificate is verified. */
export interface TlsOptions {
  /** PEM file of an authority to trust in addition. */
  ca?: string | undefined;
  /** Name to expect instead of the URL's host. */
  serverName?: string | undefined;
  /** Accept any certificate; said in the output wherever it matters. */
  insecure?: boolean | undefined;
}

export interface Certificate {
  subject: string;
  issuer: string;
  names: string[];
  notBefore: string;
  notAfter: string;
  fingerprint256: string;
  /** Why verification failed, absent when the chain is trusted. */
  untrusted?: string;
}

export interface HttpReader {
  /** One request on a fresh connection; redirects are not followed. @throws UNREACHABLE, TIMED_OUT, BAD_ANSWER */
  get(url: string, request: HttpRequest): Promise<HttpAnswer>;
  /** The certificate that a server shows, trusted or not. */
  certificate(url: string, request: { timeoutMs: number; tls?: TlsOptions | undefined }): Promise<Certificate>;
  /** A certificate in a PEM text. */
  parseCertificate(pem: string): Certificate;
}
