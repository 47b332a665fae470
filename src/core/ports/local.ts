/** What is on the machine that runs opsctl: files, the configuration, the browser. */

/** Files on this machine that the configuration names; relative paths start at its directory. */
export interface FilesReader {
  /** At most 1 MiB. @throws NOT_FOUND, REJECTED */
  read(path: string): Promise<string>;
  /** ISO time of the last modification; undefined when there is no such file. */
  modifiedAt(path: string): Promise<string | undefined>;
  /** Why this user cannot replace a file, such as EACCES; undefined when he can, as far as that is known without doing it. */
  whyFixed(path: string): Promise<string | undefined>;
  /** Whether a .env file gives a variable that value; null: whether it does not have it. @throws NOT_FOUND, REJECTED */
  hasVariable(path: string, name: string, value: string | null): Promise<boolean>;
}

export interface FilesWriter extends FilesReader {
  /** Sets a variable of a .env file, or removes it; the file is replaced as a whole, its owner and mode kept. @throws NOT_FOUND, REJECTED */
  setVariable(path: string, name: string, value: string | null): Promise<void>;
}

/** Where a value of the configuration came from. */
export interface ConfigValue {
  /** Path in the file, such as `environments.production.checks.timeoutMs`. */
  path: string;
  value: unknown;
  origin: 'flag' | 'environment' | 'file' | 'default';
  /** The variable, or line and column in the file. */
  at?: string;
}

/** The configuration itself, for the commands that are about it. */
export interface ConfigurationReader {
  /** The file in use; absent when the command runs without one. */
  file(): string | undefined;
  environments(): string[];
  /** Every value of the chosen environment with its origin; secrets appear as their references. */
  values(): ConfigValue[];
  /** The JSON Schema of the file. */
  schema(): Record<string, unknown>;
}

/** Writing a new configuration file on this machine; no change of the platform. */
export interface ConfigurationWriter extends ConfigurationReader {
  /** Whether a text would load as the configuration. @throws CONFIG_INVALID */
  validate(text: string): void;
  /**
   * Writes a file that loads, whole or not at all; gives its absolute path.
   * @throws UNSAFE when the file exists and may not be replaced, CONFIG_INVALID, REJECTED when it cannot be written
   */
  write(path: string, text: string, options: { replace: boolean }): Promise<{ path: string; replaced: boolean }>;
}

/** The browser of whoever runs opsctl. It changes nothing of the platform, hence it is here among the readers. */
export interface Browser {
  /** Starts a browser on an http or https URL; where there is none, says why and starts nothing. */
  open(url: string): Promise<{ opened: boolean; reason?: string }>;
}
