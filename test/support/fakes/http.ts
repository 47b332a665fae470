import { parseCertificate } from '../../../src/adapters/http/certificate.ts';
import { OpsError } from '../../../src/core/errors.ts';
import type { Certificate, HttpAnswer, HttpReader } from '../../../src/core/ports/http.ts';

/** What a URL of the fake does: answer (perhaps late), or fail. */
export interface FakeAnswer {
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  /** Answers after this time; a request with less patience times out. */
  afterMs?: number;
  fails?: OpsError;
}

export interface FakeHttp extends HttpReader {
  /** By URL; others refuse the connection. */
  answers: Map<string, FakeAnswer>;
  certificates: Map<string, Certificate>;
  /** Every URL asked for, in order. */
  asked: string[];
}

/** An HTTP world in memory. Late answers time out at once: nothing really waits. */
export function fakeHttp(): FakeHttp {
  const answers: FakeHttp['answers'] = new Map();
  const certificates: FakeHttp['certificates'] = new Map();
  const asked: string[] = [];
  return {
    answers,
    certificates,
    asked,
    get: async (url, request) => {
      asked.push(url);
      const answer = answers.get(url);
      if (answer === undefined) throw refused(url);
      if (answer.fails !== undefined) throw answer.fails;
      const waited = answer.afterMs ?? 0;
      if (waited >= request.timeoutMs) throw late(url, request.timeoutMs);
      return reply(answer, request.method === 'HEAD' ? 0 : (request.bodyLimit ?? 64 * 1024), waited, request.method);
    },
    certificate: async (url) => {
      asked.push(url);
      const certificate = certificates.get(url);
      if (certificate === undefined) throw refused(url);
      return certificate;
    },
    parseCertificate,
  };
}

function reply(answer: FakeAnswer, limit: number, waited: number, method: string | undefined): HttpAnswer {
  const bytes = Buffer.from(method === 'HEAD' ? '' : (answer.body ?? ''));
  const truncated = bytes.length > limit;
  return {
    status: answer.status ?? 200,
    headers: answer.headers ?? {},
    body: bytes.subarray(0, limit).toString(),
    truncated,
    size: Math.min(bytes.length, limit),
    remoteAddress: '127.0.0.1',
    httpVersion: '1.1',
    timings: { connect: 1, firstByte: waited, total: waited + 1 },
  };
}

const refused = (url: string): OpsError => new OpsError('UNREACHABLE', `${new URL(url).origin} refuses the connection`);
const late = (url: string, ms: number): OpsError =>
  new OpsError('TIMED_OUT', `${new URL(url).origin} did not answer within ${ms.toString()} ms`);
