// The settings as the program uses them: parsed, defaulted, checked against each other, frozen. Made by `loadConfig`
// only. Units are in the names. Secrets are `SecretSetting`s, never bare strings.

/** A secret that came from a value or from a file; a file is read again when it changes. */
export interface SecretSetting {
  /** The file it is read from, or null when it was given as a value. */
  readonly file: string | null;
  /** Reads it now. Throws `ConfigProblem` (names the key, the file and the fix) when a file cannot be read or is world-readable. */
  read(): Promise<string>;
  /** When the file was last written (milliseconds since the epoch), or null when the secret was given as a value. Throws as `read` does. */
  modifiedAt(): Promise<number | null>;
  /** A redaction: printing a setting never prints the secret. */
  toString(): string;
  toJSON(): string;
}

export const authMethods = ['token', 'approle', 'kubernetes', 'jwt', 'cert'] as const;
export type AuthMethod = (typeof authMethods)[number];

export const scopes = [
  'token:list',
  'token:read',
  'token:watch',
  'token:refresh',
  'token:sign',
  'token:verify',
  'auth:rotate',
] as const;
export type Scope = (typeof scopes)[number];

export interface VaultAuthConfig {
  readonly method: AuthMethod;
  readonly mount: string;
  readonly role: string | null;
  readonly namespace: string | null;
  readonly token: SecretSetting | null;
  readonly roleId: SecretSetting | null;
  readonly secretId: SecretSetting | null;
  readonly secretIdWrapped: SecretSetting | null;
  readonly secretIdCache: string | null;
  readonly jwtFile: string | null;
  readonly revokeOnExit: boolean;
}

export interface VaultConfig {
  /** At least one, no trailing slash. */
  readonly addresses: readonly string[];
  /** `vault.allow_http`: an address off loopback may be plain HTTP. */
  readonly allowHttp: boolean;
  readonly namespace: string | null;
  readonly caCert: string | null;
  readonly clientCert: string | null;
  readonly clientKey: string | null;
  readonly tlsServerName: string | null;
  readonly timeoutMs: number;
  readonly requestsPerMinute: number;
  /** Without slashes at the ends; may contain slashes. */
  readonly mount: string;
  /** Relative to the mount, without slashes at the ends; may be empty. */
  readonly pathPrefix: string;
  readonly proxy: string | null;
  readonly auth: VaultAuthConfig;
}

export interface TokenConfig {
  readonly name: string;
  /** Relative to `{prefix}/{deployment}`. */
  readonly path: string;
  readonly field: string;
  readonly graceMs: number;
  readonly required: boolean;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface ListenConfig {
  readonly address: ListenAddress;
  /** Lower case, default ports dropped; empty: derived from the bound address. */
  readonly authorities: readonly string[];
  readonly allowHttp: boolean;
  readonly probeAddress: ListenAddress | null;
  readonly sharedAddresses: readonly string[];
  readonly socket: string | null;
  readonly socketMode: number;
  readonly socketGroup: string | null;
  readonly socketScopes: readonly Scope[];
  readonly tlsCert: string | null;
  readonly tlsKey: string | null;
  readonly tlsClientCa: string | null;
  readonly statusPage: boolean;
}

export const sinkFormats = ['raw', 'json', 'env', 'template'] as const;
export type SinkFormat = (typeof sinkFormats)[number];

/** A place one token is delivered to. */
export interface SinkConfig {
  readonly name: string;
  readonly type: 'file' | 'exec';
  /** The name of a configured token. */
  readonly token: string;
  /** The file a file sink writes; null for exec. */
  readonly path: string | null;
  readonly format: SinkFormat;
  /** Set exactly when the format is `template`. */
  readonly template: string | null;
  readonly mode: number;
  /** `user` or `user:group`. */
  readonly owner: string | null;
  /** Program and arguments of an exec sink, no shell; empty for file. */
  readonly command: readonly string[];
  readonly timeoutMs: number;
  readonly splayMs: number;
  readonly removeOnExit: boolean;
}

/** How a supervised program may be given the token at its start. */
export const childDeliveries = ['stdin', 'fd3', 'env', 'none'] as const;
export type ChildDelivery = (typeof childDeliveries)[number];

export const childFormats = ['raw', 'json', 'env'] as const;

export const childSignals = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGWINCH',
] as const;
export type ChildSignal = (typeof childSignals)[number];

/** The program behind `keytender agent --`: without one, none of this has a meaning. */
export interface ChildConfig {
  /** The name of a configured token. */
  readonly token: string;
  readonly deliver: ChildDelivery;
  /** The variable it is in, with `deliver: env`. */
  readonly tokenEnv: string;
  readonly format: (typeof childFormats)[number];
  readonly onRotation: 'restart' | 'signal' | 'none';
  readonly signal: ChildSignal;
  readonly stopSignal: ChildSignal;
  readonly stopTimeoutMs: number;
  /** How often in a row it is started again after a crash. */
  readonly restarts: number;
  readonly splayMs: number;
}

export interface Config {
  /** null: static mode. */
  readonly vault: VaultConfig | null;
  readonly deployment: string;
  readonly refresh: {
    readonly intervalMs: number;
    readonly jitterMs: number;
    readonly startSplayMs: number;
    /** Infinity: no limit (written as 0). */
    readonly maxStaleMs: number;
    readonly onDeleted: 'keep' | 'revoke';
    readonly onDemandPerMinute: number;
  };
  readonly token: {
    readonly graceMs: number;
    readonly supersededMax: number;
    readonly initial: SecretSetting | null;
    readonly initialMaxAgeMs: number;
  };
  /** At least one. */
  readonly tokens: readonly TokenConfig[];
  readonly listen: ListenConfig;
  readonly shutdown: { readonly delayMs: number; readonly timeoutMs: number };
  readonly agent: {
    readonly id: string;
    /** False: `id` is the host name, which the older signature scheme does not accept. */
    readonly idWritten: boolean;
    /** What holders of the token may do. */
    readonly scopes: readonly Scope[];
  };
  readonly signature: {
    readonly maxSkewMs: number;
    readonly replayTtlMs: number;
    readonly legacy: 'refuse' | 'accept';
  };
  readonly limits: {
    readonly requestsPerMinute: number;
    readonly cryptoRequestsPerMinute: number;
    readonly failuresPerMinute: number;
    readonly waiters: number;
  };
  readonly sinks: readonly SinkConfig[];
  readonly child: ChildConfig;
  readonly files: { readonly strict: boolean };
  readonly log: {
    readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
    /** `auto`: pretty on a terminal. */
    readonly format: 'auto' | 'json' | 'pretty';
  };
  /** null: standard output. */
  readonly audit: { readonly file: string | null };
}
