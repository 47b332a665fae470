/** Connections to an engine behind ssh: the ssh program, as the docker client uses it. */
import { spawn } from 'node:child_process';
import { Agent } from 'node:http';
import { Duplex } from 'node:stream';

import type { Endpoint } from './host.ts';

/** Characters of what the ssh program says that are kept for an error. */
const COMPLAINT_LIMIT = 1000;

/**
 * Opens every connection with `ssh … docker system dial-stdio`. The system's ssh rather than a library: it knows
 * the user's keys, configuration and jump hosts, and above all it verifies the host's key, which docker-modem's
 * use of ssh2 does not. Nothing is asked for on the terminal (BatchMode).
 */
export function sshAgent(
  endpoint: Extract<Endpoint, { kind: 'ssh' }>,
  env: Readonly<Record<string, string | undefined>>,
): Agent {
  const agent = new Agent({ keepAlive: true });
  agent.createConnection = () => connect(endpoint, env);
  return agent;
}

/** The arguments after `ssh`. `--` keeps the host from ever being an option. */
export function sshArguments(endpoint: Extract<Endpoint, { kind: 'ssh' }>): string[] {
  return [
    '-T',
    '-oBatchMode=yes',
    '-oConnectTimeout=10',
    ...(endpoint.user === undefined ? [] : ['-l', endpoint.user]),
    ...(endpoint.port === undefined ? [] : ['-p', String(endpoint.port)]),
    '--',
    endpoint.host,
    'docker',
    'system',
    'dial-stdio',
  ];
}

function connect(
  endpoint: Extract<Endpoint, { kind: 'ssh' }>,
  env: Readonly<Record<string, string | undefined>>,
): Duplex {
  // A group of its own: a typed Ctrl-C goes to the whole group of the terminal, and the running step, which is to be
  // finished then, would lose its connection. When opsctl ends, however it does, ssh reads the end of its stdin: then
  // the far side closes and ssh ends too.
  const child = spawn('ssh', sshArguments(endpoint), {
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    windowsHide: true,
  });
  const { stdin, stdout } = child;
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString('utf8')).slice(0, COMPLAINT_LIMIT);
  });
  const stream = new Duplex({
    read: () => stdout.resume(),
    write: (chunk: Buffer, _encoding, done) => void stdin.write(chunk, () => done()),
    final: (done) => void stdin.end(done),
    destroy: (error, done) => {
      child.kill();
      done(error);
    },
  });
  stdout.on('data', (chunk: Buffer) => {
    if (!stream.push(chunk)) stdout.pause();
  });
  stdin.on('error', () => undefined);
  child.on('error', (error) => stream.destroy(error));
  // After the exit and the end of all output, so that what ssh complained about is complete.
  child.on('close', (code) => {
    if (code === 0 || code === null) stream.push(null);
    else stream.destroy(Object.assign(new Error(complaint.trim()), { code: 'SSH_FAILED', exitCode: code }));
  });
  // What an http agent asks of a socket and a pipe does not have.
  const same = (): Duplex => stream;
  return Object.assign(stream, { setKeepAlive: same, setNoDelay: same, setTimeout: same, ref: same, unref: same });
}
