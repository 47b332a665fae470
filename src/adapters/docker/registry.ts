/** Registries of images. The engine is who asks them, so its answers have to tell what went wrong there. */
import * as z from 'zod';

import { OpsError } from '../../core/errors.ts';
import type { DockerClient } from './client.ts';
import { type Kept, type Login, loginHeader, registryLogin, registryOf } from './registry-auth.ts';

export interface Registry {
  /** The digest that it knows an image by. @throws NOT_FOUND, UNREACHABLE, AUTH_FAILED */
  digest(reference: string): Promise<string>;
  /** Lets the engine get an image. @throws NOT_FOUND, UNREACHABLE, AUTH_FAILED, REJECTED when it broke off */
  pull(reference: string): Promise<void>;
}

/** A registry elsewhere is asked by the engine. */
const ASK_MS = 30_000;
const PULL_MS = 900_000;
const PULL_OUTPUT = 16 * 1024 * 1024;

const distribution = z.object({ Descriptor: z.object({ digest: z.string() }) });

export function openRegistry(docker: DockerClient, kept: Kept): Registry {
  const ask = async (reference: string, login: Login): Promise<string> => {
    const call = { path: `/distribution/${imagePath(reference)}/json`, asked: `ask the registry for ${reference}` };
    return (await docker.json({ ...call, headers: loginHeader(login), timeoutMs: ASK_MS }, distribution)).Descriptor
      .digest;
  };

  /**
   * Engines answer 500 for a registry that is down and, seen on 20.10, for many a refusal. Logging in tells them apart:
   * a registry that lets in whoever comes without a login refuses this one. One that wants a login of everybody refuses
   * a wrong password with a status of its own.
   */
  const isRefused = async (reference: string, login: Login): Promise<boolean> => {
    const call = { method: 'POST' as const, path: '/auth', asked: 'log in to a registry', timeoutMs: ASK_MS };
    const as = (who: Login): Promise<number | undefined> => statusOf(docker.request({ ...call, json: who }));
    const status = await as(login);
    if (status === 200) return false;
    const nobody = { serveraddress: login.serveraddress };
    if (isRefusal(status) || (await as(nobody)) === 200) return true;
    return isRefusal(await statusOf(ask(reference, { ...nobody, username: 'nobody', password: 'nobody' })));
  };

  const digest = async (reference: string): Promise<string> => {
    const login = await registryLogin(reference, kept);
    try {
      return await ask(reference, login);
    } catch (thrown) {
      const failure = failureOf(thrown);
      if (failure === undefined) throw thrown;
      if (failure.status === 404) throw notThere(reference, failure);
      if (isRefusal(failure.status)) throw noEntry(reference, failure);
      if (failure.status < 500) throw thrown;
      throw (await isRefused(reference, login))
        ? noEntry(reference, failure)
        : noAnswer(reference, failure, docker.host);
    }
  };

  const pull = async (reference: string): Promise<void> => {
    const { body } = await docker.request({
      method: 'POST',
      path: '/images/create',
      // Without a tag, the engine would get all that there are.
      query: { fromImage: /[:@][^/]*$/.test(reference) ? reference : `${reference}:latest` },
      headers: loginHeader(await registryLogin(reference, kept)),
      asked: `pull image ${reference}`,
      timeoutMs: PULL_MS,
      limit: PULL_OUTPUT,
    });
    mustHaveArrived(body.toString('utf8'), reference, docker.host);
  };

  return {
    digest,
    pull: async (reference) => {
      try {
        await pull(reference);
      } catch (thrown) {
        const failure = failureOf(thrown);
        if (failure?.status === 404) throw notThere(reference, failure);
        // A pull fails with one status for many causes; the question for the digest tells them apart.
        if (failure !== undefined) await digest(reference);
        throw thrown;
      }
    },
  };
}

/** A reference as a path: its slashes stay slashes. @throws NOT_FOUND for what no engine would call an image */
export function imagePath(reference: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.:/@-]*$/.test(reference) || reference.includes('//') || reference.includes('..'))
    throw new OpsError('NOT_FOUND', `there is no image called ${JSON.stringify(reference)}`);
  return reference;
}

/** A pull is answered with 200 before it begins; how it went is in its lines. */
function mustHaveArrived(lines: string, reference: string, host: string): void {
  const failed = /^\{.*"error":.*\}$/m.exec(lines);
  if (failed === null) return;
  throw new OpsError('REJECTED', `image ${reference} could not be pulled`, {
    hint: `See why: docker --host ${host} pull ${reference}.`,
    details: { engine: failed[0].slice(0, 500) },
  });
}

interface Failure {
  status: number;
  /** The engine's own words. */
  text: string;
}

/** What the engine answered; undefined for all other failures. */
function failureOf(thrown: unknown): Failure | undefined {
  const { status, text } = (thrown instanceof OpsError ? thrown.details : undefined) ?? {};
  return typeof status === 'number' && typeof text === 'string' ? { status, text } : undefined;
}

const statusOf = (answer: Promise<unknown>): Promise<number | undefined> =>
  answer.then(
    () => 200,
    (thrown: unknown) => failureOf(thrown)?.status,
  );

const isRefusal = (status: number | undefined): boolean => status === 401 || status === 403;

const notThere = (reference: string, { text }: Failure): OpsError =>
  new OpsError('NOT_FOUND', `registry ${registryOf(reference)} has no image ${reference}`, {
    hint: `Push it there. If it is private, log in where opsctl runs: docker login ${registryOf(reference)}`,
    details: { text },
  });

const noEntry = (reference: string, { text }: Failure): OpsError =>
  new OpsError('AUTH_FAILED', `registry ${registryOf(reference)} does not give image ${reference} to this user`, {
    hint: `Log in where opsctl runs, then run it again: docker login ${registryOf(reference)}`,
    details: { text },
  });

const noAnswer = (reference: string, { text }: Failure, host: string): OpsError =>
  new OpsError('UNREACHABLE', `registry ${registryOf(reference)} does not answer the engine: ${text}`, {
    hint: `See whether it does by now: docker --host ${host} pull ${reference}`,
    // The engine is not at work any more: whoever waits for the image waits in vain.
    details: { text, outcome: 'none' },
  });
