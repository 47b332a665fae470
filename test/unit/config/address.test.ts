import { expect, test } from 'vitest';

import { parseSource } from '../../../src/config/source.ts';
import { validate } from '../../../src/config/validate.ts';
import { asOpsError } from '../../../src/core/errors.ts';

/** What is wrong with a configuration, line by line. */
function mistakes(text: string): unknown {
  try {
    return validate(parseSource('/etc/opsctl.yaml', text, 'opsctl.yaml'));
  } catch (thrown) {
    const error = asOpsError(thrown);
    expect(error.exit).toBe(2);
    return error.details?.['mistakes'];
  }
}

test('a login in an address must be refused and never repeated, since plans and the journal hold addresses', () => {
  const lines = mistakes(
    [
      'environments:',
      '  production:',
      '    compose: { project: shop }',
      '    services:',
      '      api: { health: "http://ops:hunter2@shop.example/health" }',
      '      web: { health: "http://hunter2@shop.example/health", smoke: ["//ops:hunter2@shop.example/"] }',
      '    loadBalancer: { health: "http://ops:hunter2@shop.example/" }',
      '    prometheus: { url: "https://ops:hunter2@metrics.example" }',
      '    certificates: { shop: { url: "https://shop.example/?password=hunter2" } }',
      '    links: { wiki: "https://ops:hunter2@wiki.example" }',
    ].join('\n'),
  );
  expect(JSON.stringify(lines)).not.toContain('hunter2');
  const login = 'holds a login, which would be shown and journalled';
  const instead = 'let this address answer without one';
  expect(lines).toEqual([
    `opsctl.yaml:5:22: environments.production.services.api.health: ${login}; ${instead}`,
    `opsctl.yaml:6:22: environments.production.services.web.health: ${login}; ${instead}`,
    'opsctl.yaml:6:68: environments.production.services.web.smoke.0: expected a path such as /ready',
    `opsctl.yaml:7:29: environments.production.loadBalancer.health: ${login}; ${instead}`,
    `opsctl.yaml:8:24: environments.production.prometheus.url: ${login}; put a token behind \`bearer:\``,
    `opsctl.yaml:9:34: environments.production.certificates.shop.url: ${login}; ${instead}`,
    `opsctl.yaml:10:20: environments.production.links.wiki: ${login}; ${instead}`,
  ]);
});
