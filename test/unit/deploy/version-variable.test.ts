import { describe, expect, test } from 'vitest';

import { variableOf, versionVariable, writable } from '../../../src/deploy/version-variable.ts';
import { fakeFiles } from '../../support/fakes/files.ts';
import { shop } from '../inspect/platform.ts';

/** Where the version of service api is kept, with these files; compose files are read in their order. */
async function found(
  texts: Record<string, string>,
  { service = {}, envFile = '.env', fixed }: { service?: object; envFile?: string; fixed?: string } = {},
) {
  const files = Object.keys(texts).filter((name) => name.endsWith('.yml'));
  const compose = { project: 'shop', files, ...(envFile === '' ? {} : { envFile }) };
  const platform = shop({ compose, services: { api: service } });
  const there = new Map(
    Object.entries(texts).map(([name, text]) => [name, { text, ...(fixed === undefined ? {} : { fixed }) }]),
  );
  return await versionVariable('api', platform, fakeFiles(there));
}
const image = (text: string, service = 'api'): string => `services:\n  ${service}:\n    image: ${text}\n`;
const env = 'API_VERSION=v1\n';

describe('the variable in an image', () => {
  test.each([
    ['shop/api:${API_VERSION}', 'API_VERSION'],
    ['shop/api:$API_VERSION', 'API_VERSION'],
    ['shop/api:${API_VERSION:-v1}', 'API_VERSION'],
    ['shop/api:${API_VERSION-v1}', 'API_VERSION'],
    ['shop/api:${API_VERSION:?set it}', 'API_VERSION'],
    ['${REGISTRY}:5000/api:${TAG}', 'TAG'],
    ['shop/api:v${API_VERSION}', undefined],
    ['shop/api:${API_VERSION}-alpine', undefined],
    ['shop/api:v1', undefined],
    ['${IMAGE}', undefined],
    [undefined, undefined],
  ])('must be the whole tag: %s', (reference, name) => expect(variableOf(reference)).toBe(name));
});

describe('the variable of a service', () => {
  test('must be found in its compose file, with what it says now', async () => {
    const text = image('shop/api:${API_VERSION:-v0}');
    expect(await found({ 'a.yml': text, '.env': env })).toEqual({ file: '.env', name: 'API_VERSION', value: 'v1' });
    expect(await found({ 'a.yml': text, '.env': '' })).toEqual({ file: '.env', name: 'API_VERSION', value: undefined });
  });

  test('must be found by the name that the service has in compose', async () => {
    const text = image('shop/api:$API_VERSION', 'backend');
    expect(await found({ 'a.yml': text, '.env': env }, { service: { service: 'backend' } })).toMatchObject({
      name: 'API_VERSION',
    });
    expect(await found({ 'a.yml': text, '.env': env })).toHaveProperty('why');
  });

  test('must be found through anchors and merges', async () => {
    const text = 'x: &base { image: "shop/api:$API_VERSION" }\nservices: { api: { <<: *base } }';
    expect(await found({ 'a.yml': text, '.env': env })).toMatchObject({ name: 'API_VERSION' });
  });

  test('must be that of the last file that gives the image, and none when that gives it without one', async () => {
    const first = image('shop/api:$OLD');
    expect(await found({ 'a.yml': first, 'b.yml': image('shop/api:$NEW'), '.env': '' })).toMatchObject({ name: 'NEW' });
    expect(await found({ 'a.yml': first, 'b.yml': 'services: { api: {} }', '.env': '' })).toMatchObject({
      name: 'OLD',
    });
    expect(await found({ 'a.yml': first, 'b.yml': image('shop/api:v3'), '.env': '' })).toHaveProperty('why');
  });

  test('must be the configured one, whatever the compose files say', async () => {
    expect(await found({ '.env': 'V=v9' }, { service: { versionVariable: 'V' } })).toMatchObject({
      name: 'V',
      value: 'v9',
    });
    await expect(found({}, { service: { versionVariable: 'A B' } })).rejects.toThrow('the name of a variable');
  });

  test.each([
    ['no envFile is configured', { 'a.yml': image('x:$V') }, '', 'the configuration names no compose.envFile'],
    ['the envFile is not there', { 'a.yml': image('x:$V') }, '.env', '.env cannot be read'],
    [
      'it is made of others',
      { 'a.yml': image('x:$V'), '.env': 'V=$MAJOR.1' },
      '.env',
      'V in .env is made of more than plain text',
    ],
    ['no compose file is', { '.env': env }, '.env', 'no compose file has a variable in the image tag of api'],
    [
      'a compose file is no YAML',
      { 'a.yml': '{', '.env': env },
      '.env',
      'no compose file has a variable in the image tag of api',
    ],
    [
      'a compose file is another YAML',
      { 'a.yml': 'services: [1]', '.env': env },
      '.env',
      'no compose file has a variable in the image tag of api',
    ],
  ])('must be told to be none when %s', async (_when, texts, envFile, why) => {
    expect(await found({ ...texts }, { envFile })).toEqual({ why });
  });
});

describe('a file that this user cannot replace', () => {
  const text = image('shop/api:$API_VERSION');

  test('must be told with the variable', async () => {
    expect(await found({ 'a.yml': text, '.env': env }, { fixed: 'EACCES' })).toMatchObject({ fixed: 'EACCES' });
  });

  const variable = { file: '.env', name: 'API_VERSION', value: 'v1', fixed: 'EACCES' };

  test('must end what would write to it, and nothing else', () => {
    expect(() => writable({ variable, version: 'v2' }, false)).toThrow(
      expect.objectContaining({
        code: 'UNSAFE',
        message: 'API_VERSION=v2 cannot be written to .env: its directory says EACCES',
        hint: expect.stringContaining('--force') as string,
      }),
    );
    for (const version of ['v1', undefined])
      expect(writable({ variable, version }, false)).toEqual({ variable, version });
  });

  test('must be left alone by force', () => {
    const why = 'API_VERSION=v2 cannot be written to .env: its directory says EACCES';
    expect(writable({ variable, version: 'v2' }, true)).toEqual({ variable: { why }, version: 'v2' });
    expect(writable({ variable, version: 'v1' }, true)).toEqual({ variable, version: 'v1' });
  });
});
