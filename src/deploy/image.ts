/** References of images, and the version in them. */
import { OpsError } from '../core/errors.ts';

/** What the distribution specification allows as a tag. */
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/** A reference with another tag. @throws USAGE for what cannot be a tag; UNSAFE when the reference has no name to keep */
export function withVersion(reference: string, version: string): string {
  if (!TAG.test(version)) {
    throw new OpsError('USAGE', `${JSON.stringify(version)} cannot be the version of an image`, {
      hint: 'A version is an image tag: letters, digits, dots, dashes and underscores, such as v1.2.3.',
    });
  }
  const [name = ''] = reference.split('@');
  // A colon before the last slash belongs to the registry's port.
  const at = name.lastIndexOf(':');
  const repository = at > name.lastIndexOf('/') ? name.slice(0, at) : name;
  if (repository === 'sha256' || repository === '' || /^[0-9a-f]{64}$/.test(repository)) {
    throw new OpsError(
      'UNSAFE',
      `the image ${reference} has no name, so nobody can tell which one another version is`,
      {
        hint: 'Start the service from a named image once, with compose, then deploy again.',
      },
    );
  }
  return `${repository}:${version}`;
}

/** The tag of a reference; undefined where it has none, or could not be one. */
export function tagOf(reference: string): string | undefined {
  const [name = ''] = reference.split('@');
  const at = name.lastIndexOf(':');
  const tag = at > name.lastIndexOf('/') ? name.slice(at + 1) : '';
  return TAG.test(tag) && !name.startsWith('sha256:') ? tag : undefined;
}
