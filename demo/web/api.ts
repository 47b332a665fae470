/** The web service's view of the API: over HTTP, through the load balancer, so that it follows deploys. */
import { Agent, request } from 'node:http';
import type { Call } from '../service/http.ts';

const BASE = process.env['API_URL'] ?? 'http://nginx/api';
const TIMEOUT_MS = 3_000;
const agent = new Agent({ keepAlive: true, maxSockets: 50, timeout: 4_000 });

export interface Product {
  readonly id: number;
  readonly name: string;
  readonly category: string;
  readonly price_cents: number;
  readonly stock: number;
}

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;

  constructor(path: string, status: number) {
    super(`the API answered ${status} for ${path}`);
    this.status = status;
  }
}

/** Reads from the API for a visitor, whose address and request id go with it: for the logs of both. */
export function readApi<T>(path: string, visitor: Pick<Call, 'requestId' | 'ip'>): Promise<T> {
  return new Promise((resolve, reject) => {
    const headers = { 'x-request-id': visitor.requestId, 'x-forwarded-for': visitor.ip };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const call = request(`${BASE}${path}`, { agent, headers, signal }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        if (status !== 200) return reject(new ApiError(path, status));
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')) as T);
        } catch {
          reject(new ApiError(path, status));
        }
      });
    });
    call.on('error', reject);
    call.end();
  });
}
