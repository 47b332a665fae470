/** Where a person looks at a server: at its service, where it is one of the platform; of others it knows the URL only. */

/** The log, in a sentence that says what for: `See why: opsctl logs postgres --tail 50.` */
export const inLog = (what: string, service: string | undefined, follow = false): string =>
  service === undefined
    ? `${what} in its log, where it is hosted.`
    : `${what}: opsctl logs ${service} --tail 50${follow ? ' --follow' : ''}.`;

/** The container and its log; else what there is to check from here. */
export const atItself = (service: string | undefined): string =>
  service === undefined
    ? 'Look at it where it is hosted, or correct its url in the configuration and run: opsctl config check.'
    : `See its container: opsctl status ${service}; its log: opsctl logs ${service} --tail 50.`;
