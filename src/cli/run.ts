import os from 'node:os';
import path from 'node:path';

import { openPorts, type OpenedPorts } from '../adapters/open.ts';
import { judges } from '../commands/judges.ts';
import { bareConfig, type ConfigRequest, loadConfig, type LoadedConfig } from '../config/load.ts';
import type { Context, ReadCommand } from '../core/command.ts';
import { asOpsError, OpsError } from '../core/errors.ts';
import { publishable, showable } from '../core/text.ts';
import { change } from './change.ts';
import type { Invocation } from './invocation.ts';
import { type Envelope, errorData, errorText, jsonText, schemaOf } from './render.ts';
import { listenForInterruption } from './signals.ts';
import { checked, type Run } from './state.ts';
import { suggestFor } from './suggest.ts';
import { stream } from './stream.ts';
import { suggesting, type Terminal, warning } from './terminal.ts';

/** Runs one command from configuration to exit code. The one pipeline that every command goes through. */
export async function run(invocation: Invocation, opened: Terminal): Promise<number> {
  const { command, global } = invocation;
  const suggest = suggestFor(invocation, opened.env);
  const terminal = suggesting(opened, suggest.text);
  const interruption = listenForInterruption(terminal.remark);
  interruption.say('\ninterrupted\n');
  let ports: OpenedPorts | undefined;
  let environment: string | null = null;
  try {
    const config = configure(invocation, terminal);
    environment = command.needs === 'nothing' || command.needs === 'engine' ? null : config.platform.environment;
    ports = openPorts({
      platform: config.platform,
      configuration: config.reader,
      env: terminal.env,
      home: os.homedir(),
      stateDirectory: stateDirectory(terminal.env),
      command: command.name,
      host: os.hostname(),
      pid: process.pid,
      judges,
    });
    const context: Context = {
      platform: config.platform,
      readers: ports.writers,
      signal: interruption.signal,
      now: () => new Date(),
      warn: (message) => {
        if (!global.quiet) warning(terminal, message);
      },
    };
    const answer = (part: Partial<Envelope>, text: () => string): void => {
      if (global.quiet) return;
      if (global.json === false) terminal.result(text());
      else
        terminal.result(
          jsonText({ schema: schemaOf(command.name), ok: true, environment, ...part, cost: ports?.cost() }),
        );
    };
    const state: Run = { invocation, terminal, context, ports, interruption, answer };
    if (command.kind === 'change') return await change(state, command);
    return command.stream?.when(invocation.input) === true
      ? await stream(state, command, command.stream)
      : await read(state, command);
  } catch (thrown) {
    const failure =
      interruption.signal.aborted &&
      !(thrown instanceof OpsError && (thrown.exit <= 4 || thrown.code === 'INTERRUPTED' || thrown.code === 'BUG'))
        ? new OpsError('INTERRUPTED', 'interrupted', { cause: thrown })
        : asOpsError(thrown);
    const error = suggest.error(failure);
    if (global.json !== false && !global.quiet) {
      terminal.result(
        jsonText({
          schema: schemaOf(command.name),
          ok: false,
          environment,
          error: errorData(error),
          ...(ports === undefined ? {} : { cost: ports.cost() }),
        }),
      );
    }
    terminal.remark(errorText(error, terminal.err, global.debug, terminal.errIsTerminal));
    return error.exit;
  } finally {
    interruption.stop();
    await ports?.close();
  }
}

async function read(state: Run, command: ReadCommand): Promise<number> {
  const { input } = state.invocation;
  const raced = new Promise<never>((_resolve, reject) => {
    state.context.signal.addEventListener(
      'abort',
      () => {
        reject(new OpsError('INTERRUPTED', 'interrupted'));
      },
      { once: true },
    );
  });
  raced.catch(() => undefined);
  const seen = checked(command, await Promise.race([command.run(input, state.context), raced]));
  const data = suggestFor(state.invocation, state.terminal.env).data(seen);
  const exit = command.exit?.(data, input) ?? 0;
  state.answer(
    { ok: exit === 0, data },
    () => command.format?.(publishable(data), input) ?? `${command.text(showable(data), state.terminal.out, input)}\n`,
  );
  return exit;
}

function configure(invocation: Invocation, terminal: Terminal): LoadedConfig {
  const { config, environment, set } = invocation.global;
  const request: ConfigRequest = { config, environment, set, env: terminal.env, cwd: terminal.cwd, home: os.homedir() };
  const needs = invocation.command.needs ?? 'platform';
  return needs === 'platform' ? loadConfig(request) : bareConfig(request);
}

/** Where this machine keeps what the engine cannot hold (XDG base directories). */
function stateDirectory(env: Record<string, string | undefined>): string {
  return (
    env['OPSCTL_STATE_DIR'] ?? path.join(env['XDG_STATE_HOME'] ?? path.join(os.homedir(), '.local', 'state'), 'opsctl')
  );
}
