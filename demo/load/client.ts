/** The customers' connections: kept alive, through the load balancer, from many addresses. */
import { Agent, request } from 'node:http';
import { connect } from 'node:tls';
import { Counter, Gauge, Histogram } from 'prom-client';

const TARGET = process.env['TARGET'] ?? 'http://nginx';
const agent = new Agent({ keepAlive: true, maxSockets: 40, timeout: 30_000 });

const requests = new Counter({
  name: 'load_requests_total',
  help: 'Requests as the customers saw them; status 0 means no answer.',
  labelNames: ['status'],
});
const durations = new Histogram({
  name: 'load_request_duration_seconds',
  help: 'Time to the end of the answer, as the customers saw it.',
  buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
});
const certificate = new Gauge({
  name: 'tls_certificate_not_after_seconds',
  help: 'End of the validity of the certificate that the load balancer shows.',
});

export interface Sending {
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string | Buffer;
}

/** Sends a request and counts its outcome. Never fails: an outage is what the load is there to see. */
export function send({ method = 'GET', path, body }: Sending): Promise<void> {
  const started = performance.now();
  const finish = (status: number): void => {
    requests.inc({ status: String(status) });
    durations.observe((performance.now() - started) / 1_000);
  };
  return new Promise((resolve) => {
    const headers = {
      'user-agent': 'demo-load',
      // Addresses that are reserved for documentation, so that logs show more than one client.
      'x-forwarded-for': `198.51.100.${1 + Math.floor(Math.random() * 250)}`,
      ...(typeof body === 'string' && { 'content-type': 'application/json' }),
      ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
    };
    const signal = AbortSignal.timeout(10_000);
    const call = request(`${TARGET}${path}`, { agent, method, headers, signal }, (response) => {
      response.resume();
      response.on('close', () => {
        finish(response.complete ? (response.statusCode ?? 0) : 0);
        resolve();
      });
    });
    call.on('error', () => {
      finish(0);
      resolve();
    });
    call.end(body);
  });
}

/** Looks at the certificate as a browser would; whether it is trusted is not asked here. */
export function watchCertificate(): void {
  const host = new URL(TARGET).hostname;
  const socket = connect({ host, port: 443, rejectUnauthorized: false, timeout: 5_000 }, () => {
    const end = Date.parse(socket.getPeerCertificate().valid_to);
    if (Number.isFinite(end)) certificate.set(end / 1_000);
    socket.end();
  });
  socket.on('timeout', () => socket.destroy());
  socket.on('error', () => {});
}
