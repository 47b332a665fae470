/** Which server a suggested command asks. */

/** Where the server is named: after the verb, so that it holds in a sentence as well as alone. */
const COMMAND = {
  database: /\bopsctl db [a-z][a-z-]*(?![a-z-]| --database )/g,
  cache: /\bopsctl cache [a-z][a-z-]*(?![a-z-]| --cache )/g,
};

/** A text whose commands name the server that they ask, those too that do already. For where there are several of the kind. */
export const onServer =
  (kind: 'database' | 'cache', name: string) =>
  (text: string): string =>
    text.replace(COMMAND[kind], (command) => `${command} --${kind} ${name}`);
