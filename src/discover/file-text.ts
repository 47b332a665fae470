import type { Study } from './study.ts';
import { basesOf } from './addresses.ts';
import { type DraftOptions, environmentEntries } from './draft.ts';
import { commentText, type Entry, yamlText } from './yaml-text.ts';

/** The whole file, commented, ready to be written. */
export function fileText(study: Study, options: DraftOptions): string {
  const { project, engine } = study.facts;
  const head = commentText(
    `Configuration of opsctl, written by \`opsctl init\` from what compose project ${project} showed. ` +
      'Comments say what each guess rests on; change what is wrong, then run: opsctl config check\n' +
      'All values and their defaults: opsctl config show --origin. The format: opsctl config schema.',
    0,
  );
  const environment: Entry = {
    key: options.environment,
    value: environmentEntries(study, options),
    ...(options.environment === 'production'
      ? { comment: 'Changes here ask for its name before they begin; `protected: false` would end that.' }
      : {}),
  };
  const body = yamlText([
    { key: 'version', value: 1 },
    { key: 'environments', value: [environment] },
  ]);
  return `${head}\n${body}\n${examples(study, engine)}`;
}

/** Contacts and links, which no container can tell. */
function examples({ parts }: Study, engine: Study['facts']['engine']): string {
  const links = parts
    .filter(({ role, service }) => role === 'prometheus' || /alertmanager|grafana|jaeger|kibana/.test(service))
    .flatMap((part) =>
      basesOf(part, engine)
        .slice(0, 1)
        .map(({ url }) => ({ key: part.service, value: url })),
    );
  return yamlText([
    {
      key: 'contacts',
      value: [
        { inline: { role: 'on-call engineer', name: 'A. Example', phone: '+1 555 0100' } },
        { inline: { role: 'hosting provider', email: 'support@provider.example', vendor: true } },
      ],
      off: true,
      comment: 'Whom to call; shown by: opsctl contacts',
    },
    {
      key: 'links',
      value: links.length > 0 ? links : [{ key: 'dashboard', value: 'https://grafana.example/d/platform' }],
      off: true,
      comment: 'Where to look; shown by: opsctl links',
    },
  ]);
}
