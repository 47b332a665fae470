/** A client of Redis and Valkey on an open stream: it says nothing by itself, keeps nothing for later, never connects again. */
import type { Duplex } from 'node:stream';

import { type Answer, encoded, openReader, Refusal, type Words } from './resp.ts';

export interface Wire {
  /** Sends commands together; what each is answered, in their order. @throws when the connection ends before */
  ask(commands: readonly Words[]): Promise<Answer[]>;
  /** What the server said before it was asked: why it closes the connection. */
  unasked(): string | undefined;
  isOpen(): boolean;
}

/** Commands that were sent together. */
interface Asked {
  count: number;
  answers: Answer[];
  resolve(answers: Answer[]): void;
  reject(error: unknown): void;
}

export function openWire(bytes: Duplex): Wire {
  const waiting: Asked[] = [];
  const reader = openReader();
  let unasked: string | undefined;
  /** What is asked at the same time travels together. */
  let unsent = '';
  let ended: Error | undefined;

  const end = (error: Error): void => {
    ended ??= error;
    for (const one of waiting.splice(0)) one.reject(ended);
    bytes.destroy();
  };
  const take = (answer: Answer): void => {
    const [first] = waiting;
    if (first === undefined) {
      if (answer instanceof Refusal) unasked ??= answer.text;
      return;
    }
    first.answers.push(answer);
    if (first.answers.length < first.count) return;
    waiting.shift();
    first.resolve(first.answers);
  };
  const send = (): void => {
    const text = unsent;
    unsent = '';
    if (ended === undefined) bytes.write(text, 'latin1');
  };
  bytes.on('data', (chunk: Buffer) => {
    try {
      for (const answer of reader.take(chunk)) take(answer);
    } catch (error) {
      end(error as Error);
    }
  });
  bytes.on('error', end);
  for (const event of ['end', 'close']) bytes.on(event, () => end(new Error('the connection ended')));

  return {
    ask: (commands) =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) return reject(ended);
        if (commands.length === 0) return resolve([]);
        waiting.push({ count: commands.length, answers: [], resolve, reject });
        if (unsent === '') queueMicrotask(send);
        unsent += encoded(commands);
      }),
    unasked: () => unasked,
    isOpen: () => ended === undefined && !bytes.destroyed,
  };
}
