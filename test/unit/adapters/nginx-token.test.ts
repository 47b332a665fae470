import { expect, test } from 'vitest';

import { putArchive } from '../../../src/adapters/docker/archive.ts';
import { openTokens } from '../../../src/adapters/nginx-snippets.ts';
import { OpsError } from '../../../src/core/errors.ts';
import { fakeDocker, pathHead } from '../../support/fakes/docker.ts';

const lb = { id: 'nginx', directory: '/etc/opsctl' };
const TOKENS = ['a', 'b'].map((letter) => letter.repeat(32));

/** An engine on which the token of nginx is another each time that it is read. */
function engine() {
  let archive: Buffer = Buffer.alloc(0);
  let reads = 0;
  const docker = fakeDocker(async ({ method, bytes }) => {
    if (method === 'PUT') archive = bytes ?? archive;
    else await putArchive(docker, lb.id, '/', [{ name: 'token', data: `${TOKENS[reads++] ?? ''}\n` }]);
    return { status: 200, headers: pathHead({ size: 33 }), body: archive };
  });
  return docker;
}

test('the token must be read once, whoever asks for it at a time', async () => {
  const use = openTokens(engine());
  const own = (token: string): Promise<string> => Promise.resolve(token);
  expect([...(await Promise.all([use(lb, own), use(lb, own)])), await use(lb, own)]).toEqual(
    Array.from({ length: 3 }, () => TOKENS[0]),
  );
  expect(await use({ ...lb, id: 'other' }, own)).toBe(TOKENS[1]);
});

test('the token must be read anew once something went wrong with it', async () => {
  const use = openTokens(engine());
  const refused = new OpsError('UNSAFE', 'it does not know the token');
  await expect(use(lb, () => Promise.reject(refused))).rejects.toBe(refused);
  expect(await use(lb, (token) => Promise.resolve(token))).toBe(TOKENS[1]);
});
