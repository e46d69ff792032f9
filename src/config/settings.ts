// The settings, each once: key, other names, kind, default, limits, and what the manual says. Environment names, flags,
// the JSON Schema of a settings file, the table in docs/configuration.md and the redacted view are derived from here.
import {
  authMethods,
  childDeliveries,
  childFormats,
  childSignals,
  scopes,
  sinkFormats,
} from './config.js';
import { parseAuthority, parseNetwork, parseServerUrl } from './network.js';
import {
  addresses,
  argv,
  boolean,
  choice,
  duration,
  integer,
  list,
  listenAddress,
  octal,
  oneOf,
  path,
  secret,
  text,
} from './setting.js';
import type { Setting } from './setting.js';
import {
  agentIdRule,
  asciiRule,
  authMountRule,
  namespaceRule,
  proxyRule,
  serverNameRule,
  socketPathRule,
  variableRule,
} from './text-rules.js';
import { pathRule, segmentRule, trimSlashes } from './vault-path.js';

const restart = true;
const readAnew = 'read again when it changes';
/** Where Kubernetes mounts a pod's service account token. */
export const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';
const ofNames = { min: 1, max: 1_000_000 };

export const settings = {
  'vault.address': addresses({
    doc: 'Where Vault or OpenBao is: one URL, or several that are tried in turn. Unset: static mode; from one to the other only a restart leads.',
    env: ['VAULT_ADDR', 'VAULT_ADDRESS'],
    limits: 'https, unless loopback or `vault.allow_http`; slashes at the end are dropped',
    item: parseServerUrl,
  }),
  'vault.allow_http': boolean({
    doc: 'Allows plain HTTP to a Vault that is not on loopback. Whoever is on the way then reads the token.',
    fallback: 'false',
  }),
  'vault.namespace': text({
    doc: 'The namespace (Vault Enterprise, OpenBao) that the secrets are in.',
    env: ['VAULT_NAMESPACE'],
    normalise: trimSlashes,
    rule: namespaceRule,
    restart,
  }),
  'vault.ca_cert': path({
    doc: `PEM file of the CA that signed Vault's certificate, instead of the system's list; ${readAnew}.`,
    env: ['VAULT_CACERT'],
  }),
  'vault.client_cert': path({
    doc: `PEM file of the certificate shown to Vault; ${readAnew}.`,
    env: ['VAULT_CLIENT_CERT'],
    limits: 'with `vault.client_key`',
  }),
  'vault.client_key': path({
    doc: `PEM file of its key; ${readAnew}.`,
    env: ['VAULT_CLIENT_KEY'],
    limits: 'with `vault.client_cert`',
  }),
  'vault.tls_server_name': text({
    doc: "The name expected in Vault's certificate, where it is not the address's.",
    env: ['VAULT_TLS_SERVER_NAME'],
    rule: serverNameRule,
  }),
  'vault.timeout': duration({
    doc: 'How long one request to Vault may take, from connecting to the last byte.',
    env: ['VAULT_CLIENT_TIMEOUT'],
    fallback: '10s',
    bounds: { min: '100ms', max: '60s' },
  }),
  'vault.requests_per_minute': integer({
    doc: 'The most requests one agent ever sends to Vault in a minute, in bursts of a third. Of them 5 × `refresh.on_demand_per_minute` are for refreshes on demand alone.',
    adaptive: 'max(30, 2 × steady need) + 5 × `refresh.on_demand_per_minute`',
    limits: '1–60000, and not below the steady need',
    bounds: { min: 1, max: 60_000 },
  }),
  'vault.path_prefix': text({
    doc: "Where the secrets are: the mount, then a path. The API's `data` segment is not part of it.",
    env: ['VAULT_AGENT_PATH_PREFIX'],
    adaptive: '`secret/keytender` (`keytender` when `vault.mount` is set)',
    limits: 'the first segment is the mount unless `vault.mount` is set; no `data` after it',
    lengthMin: 0,
    normalise: trimSlashes,
    rule: pathRule,
    restart,
  }),
  'vault.mount': text({
    doc: 'The mount of the KV v2 engine, where it has slashes in its name; the prefix is then relative to it.',
    adaptive: 'first segment of the prefix',
    normalise: trimSlashes,
    rule: pathRule,
    restart,
  }),
  'vault.proxy': text({
    doc: 'An HTTP proxy on the way to Vault. Proxy names of the environment are ignored.',
    rule: proxyRule,
  }),
  'vault.auth.method': choice({
    doc: 'How the agent logs in to Vault.',
    of: authMethods,
    adaptive: '`approle` with a role id, `jwt` with `vault.auth.jwt_file`, else `token`',
  }),
  'vault.auth.mount': text({
    doc: 'Where the auth method is mounted, without `auth/`.',
    adaptive: "the method's name",
    normalise: trimSlashes,
    rule: authMountRule,
  }),
  'vault.auth.role': text({
    doc: 'The role to log in as.',
    limits: 'required by `kubernetes`',
    rule: asciiRule,
  }),
  'vault.auth.namespace': text({
    doc: 'The namespace to log in to.',
    adaptive: '`vault.namespace`',
    normalise: trimSlashes,
    rule: namespaceRule,
    restart,
  }),
  'vault.auth.token': secret({
    doc: 'The Vault token to read with. Without one requests carry none, which suits a Vault proxy that logs in by itself.',
    env: ['VAULT_TOKEN'],
  }),
  'vault.auth.role_id': secret({
    doc: "AppRole's role id.",
    env: ['VAULT_ROLE_ID'],
    limits: 'required by `approle`',
  }),
  'vault.auth.secret_id': secret({
    doc: "AppRole's secret id.",
    env: ['VAULT_SECRET_ID'],
    limits: 'not beside `vault.auth.secret_id_wrapped`',
  }),
  'vault.auth.secret_id_wrapped': secret({
    doc: 'A wrapping token that holds the secret id; unwrapped once.',
    limits: 'not beside `vault.auth.secret_id`',
  }),
  'vault.auth.secret_id_cache': path({
    doc: 'Where an unwrapped secret id is kept (mode 0600) for the next start; unset: every start needs a new wrapping token.',
  }),
  'vault.auth.jwt_file': path({
    doc: 'File of the JWT to log in with (`jwt`, `kubernetes`); read at each login.',
    adaptive: "the pod's service account token",
  }),
  'vault.auth.revoke_on_exit': boolean({
    doc: 'Revokes the login the agent made when it stops.',
    fallback: 'false',
  }),
  deployment: text({
    doc: 'The path segment under the prefix that tells deployments apart.',
    env: ['DEPLOYMENT_HASH'],
    fallback: 'default',
    lengthMax: 128,
    limits: 'one path segment',
    rule: segmentRule,
    restart,
  }),
  'refresh.interval': duration({
    doc: 'How long after a read the next one follows; the jitter is added.',
    fallback: '60s',
    bounds: { min: '1s', max: '24h' },
  }),
  'refresh.jitter': duration({
    doc: 'The most that is added to the interval: uniform, drawn once per wait.',
    adaptive: 'min(10s, interval/6)',
    limits: '0–interval',
    bounds: { min: '0', max: '24h' },
  }),
  'refresh.start_splay': duration({
    doc: 'The first read waits up to this long, at random.',
    fallback: '0',
    limits: '0–interval',
    bounds: { min: '0', max: '24h' },
  }),
  'refresh.max_stale': duration({
    doc: 'How long the token is used without a good read; `/health` is degraded from half of it.',
    fallback: '72h',
    limits: '0 (no limit) or ≥ interval',
    bounds: { min: '1s', zero: 'no limit' },
  }),
  'refresh.on_deleted': choice({
    doc: 'Whether a soft delete of the current version takes the token away. Destroying one always does.',
    of: ['keep', 'revoke'],
    fallback: 'keep',
  }),
  'refresh.on_demand_per_minute': integer({
    doc: 'How many times a minute an unknown signature may make the agent ask Vault. 0: never, such a request is refused at once.',
    fallback: '6',
    limits: '0 (never)–6000',
    bounds: { min: 0, max: 6_000 },
  }),
  'token.grace': duration({
    doc: 'How long a superseded token still verifies.',
    adaptive: 'max(300s, 3 × (interval + jitter))',
    limits: '0, or ≥ 3 × (interval + jitter) and ≤ 30d',
    bounds: { min: '3s', max: '30d', zero: 'none' },
  }),
  'token.superseded_max': integer({
    doc: 'How many superseded tokens verify, the newest ones.',
    fallback: '4',
    bounds: { min: 1, max: 16 },
  }),
  'token.initial': secret({
    doc: "Static mode's token; beside Vault the one used until the first good read.",
    env: ['AGENT_TOKEN'],
    limits: '16–8192 bytes of UTF-8',
    restart,
  }),
  'token.initial_max_age': duration({
    doc: 'How long after the start the initial token is used at most, beside Vault.',
    fallback: '1h',
    bounds: { min: '0', max: '72h' },
  }),
  'listen.address': listenAddress({
    doc: 'Where the signed API and the probes listen.',
    fallback: '127.0.0.1:8210',
    limits: 'off loopback with `listen.tls_cert` or `listen.allow_http`',
    restart,
  }),
  'listen.authorities': list({
    doc: 'The hosts and ports by which callers may address the agent; any other is answered 421.',
    adaptive: 'from the address',
    limits: 'required for a wildcard bind',
    item: parseAuthority,
    restart,
  }),
  'listen.allow_http': boolean({
    doc: 'Allows a listener off loopback without TLS; routes that carry a value then answer 403.',
    fallback: 'false',
    restart,
  }),
  'listen.probe_address': listenAddress({
    doc: "A second listener for probes, `/health` (its `vault.address` field left out) and metrics alone: plain HTTP, any `Host`, for a kubelet or Prometheus outside the pod's loopback. The image sets `[::]:8211`.",
    limits: 'host:port',
    restart,
  }),
  'listen.shared_addresses': list({
    doc: 'Addresses or networks behind which many callers sit (mesh, proxy): no brake per address for them.',
    limits: 'IP addresses, CIDR networks',
    item: parseNetwork,
    restart,
  }),
  'listen.socket': path({
    doc: 'Path of a Unix socket; whoever may open it is trusted with `listen.socket_scopes`.',
    rule: socketPathRule,
    limits: 'at most 107 bytes',
    restart,
  }),
  'listen.socket_mode': octal({
    doc: "The socket's permissions.",
    fallback: '0660',
    restart,
  }),
  'listen.socket_group': text({
    doc: "The socket's group, by name or number.",
    rule: asciiRule,
    restart,
  }),
  'listen.socket_scopes': list({
    doc: 'What a caller on the socket may do; an empty list: nothing.',
    fallback: 'token:list,token:read,token:watch,token:refresh,token:sign,token:verify',
    limits: `of ${scopes.map((scope) => `\`${scope}\``).join(', ')}`,
    item: oneOf(scopes),
  }),
  'listen.tls_cert': path({
    doc: `PEM file of the listener's certificate and chain; ${readAnew}.`,
    limits: 'with `listen.tls_key`',
    restart,
  }),
  'listen.tls_key': path({
    doc: `PEM file of its key; ${readAnew}.`,
    limits: 'with `listen.tls_cert`',
    restart,
  }),
  'listen.tls_client_ca': path({
    doc: `PEM file of the CA whose client certificates the listener requires; ${readAnew}.`,
    limits: 'with `listen.tls_cert`',
    restart,
  }),
  'listen.status_page': boolean({
    doc: 'Serves the status page at `/` of the probe listener. On in `keytender dev`, where it is on the API listener too.',
    fallback: 'false',
    restart,
  }),
  'shutdown.delay': duration({
    doc: 'How long the agent still serves everything after SIGTERM, with `/readyz` 503.',
    fallback: '0',
    bounds: { min: '0', max: '5m' },
  }),
  'shutdown.timeout': duration({
    doc: 'How long after the delay requests may still end before they are cut.',
    fallback: '8s',
    bounds: { min: '0', max: '5m' },
  }),
  'child.token': text({
    doc: 'The token that the supervised program follows (`keytender agent -- program`).',
    adaptive: '`default`, else the first one',
    limits: 'a configured one',
    restart,
  }),
  'child.deliver': choice({
    doc: 'How the program is given the token when it starts: on standard input, on descriptor 3, in the variable `child.token_env` (which others of its account can read), or not at all.',
    of: childDeliveries,
    adaptive: '`env` with `child.token_env`, else `stdin`',
  }),
  'child.token_env': text({
    doc: 'The environment variable that the token is in.',
    adaptive: '`TOKEN` with `child.deliver: env`, else none',
    limits: 'a name of a variable',
    lengthMax: 128,
    rule: variableRule,
  }),
  'child.format': choice({
    doc: 'What is on standard input or descriptor 3, as of a sink.',
    of: childFormats,
    fallback: 'raw',
  }),
  'child.on_rotation': choice({
    doc: 'What a rotation does to the program: starts it anew, sends it `child.signal`, or nothing.',
    of: ['restart', 'signal', 'none'],
    fallback: 'restart',
  }),
  'child.signal': choice({
    doc: 'The signal that tells the program of a rotation.',
    of: childSignals,
    fallback: 'SIGHUP',
  }),
  'child.stop_signal': choice({
    doc: 'The signal that asks the program to end.',
    of: childSignals,
    fallback: 'SIGTERM',
  }),
  'child.stop_timeout': duration({
    doc: 'How long it has to end then, before it is killed.',
    fallback: '8s',
    bounds: { min: '0', max: '1h' },
  }),
  'child.restarts': integer({
    doc: 'How often in a row the program is started again after a crash, before the agent ends with its exit code. A run of 30 s starts the count anew.',
    fallback: '5',
    bounds: { min: 0, max: 1_000_000 },
  }),
  'child.splay': duration({
    doc: 'A rotation waits up to this long, at random, before it restarts or signals the program.',
    fallback: '0',
    bounds: { min: '0', max: '24h' },
  }),
  'agent.id': text({
    doc: 'How this agent is called in `/health`, audit and the older signature scheme, which needs a written one.',
    env: ['AGENT_ID'],
    adaptive: 'host name',
    lengthMax: 128,
    limits: 'printable ASCII without spaces, at most 128',
    rule: agentIdRule,
    restart,
  }),
  'agent.scopes': list({
    doc: 'What a holder of the token may do; an empty list: nothing.',
    env: ['AGENT_SCOPES'],
    fallback: 'token:list,token:watch,token:refresh,token:verify',
    limits: 'as `listen.socket_scopes`',
    item: oneOf(scopes),
  }),
  'signature.max_skew': duration({
    doc: 'How old a signature may be.',
    env: ['SIGNATURE_MAX_SKEW_SECS'],
    fallback: '300s',
    bounds: { min: '1s', max: '1h' },
    restart,
  }),
  'signature.replay_ttl': duration({
    doc: 'How long the older scheme remembers an `X-Request-Id`.',
    env: ['REPLAY_TTL_SECS'],
    adaptive: '2 × skew',
    limits: '≥ 2 × skew',
    bounds: { min: '2s' },
    restart,
  }),
  'signature.legacy': choice({
    doc: 'Whether the older signature scheme is accepted (on `/api/v1/auth/rotate-token` only).',
    env: ['LEGACY_SIGNATURES'],
    of: ['refuse', 'accept'],
    fallback: 'refuse',
    restart,
  }),
  'limits.requests_per_minute': integer({
    doc: 'Verified requests a minute, per key.',
    env: ['RATE_LIMIT_PER_MIN'],
    fallback: '120',
    bounds: ofNames,
  }),
  'limits.crypto_requests_per_minute': integer({
    doc: 'Requests a minute to `/sign` and `/verify`, per key.',
    fallback: '60000',
    bounds: { min: 1, max: 100_000_000 },
  }),
  'limits.failures_per_minute': integer({
    doc: 'Refused signatures a minute from one address (IPv6: one /64) before it is braked.',
    fallback: '60',
    bounds: ofNames,
  }),
  'limits.waiters': integer({
    doc: 'How many watches may be open at once.',
    fallback: '1000',
    bounds: { min: 1, max: 100_000 },
  }),
  'files.strict': boolean({
    doc: 'Refuses a secret file that everybody may read even on a read-only or tmpfs mount.',
    fallback: 'false',
  }),
  'log.level': choice({
    doc: 'The least level that is logged.',
    env: ['LOG_LEVEL'],
    of: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    fallback: 'info',
  }),
  'log.format': choice({
    doc: 'JSON lines, lines for a person, or `auto`: the latter on a terminal.',
    of: ['auto', 'json', 'pretty'],
    fallback: 'auto',
    restart,
  }),
  'audit.file': path({
    doc: 'Where audit events are appended.',
    adaptive: 'standard output',
    restart,
  }),
} satisfies Record<string, Setting<unknown>>;

/** Of one entry of `tokens`, which only a file or flags can hold. */
export const tokenSettings = {
  path: text({
    doc: 'Path of the secret, under prefix and deployment.',
    adaptive: '`token` for `default`, else the name',
    limits: 'not `clients`',
    normalise: trimSlashes,
    rule: pathRule,
    restart,
  }),
  field: text({
    doc: 'Field of the secret that holds the token.',
    fallback: 'token',
    lengthMax: 256,
    restart,
  }),
  grace: duration({
    doc: 'How long this one still verifies after it was superseded.',
    adaptive: '`token.grace`',
    limits: 'as `token.grace`',
    bounds: { min: '3s', max: '30d', zero: 'none' },
  }),
  required: boolean({
    doc: 'Whether the agent is ready only with it.',
    fallback: 'true',
    restart,
  }),
} satisfies Record<string, Setting<unknown>>;

/** Of one entry of the list `sinks`, which only a file can hold. */
export const sinkSettings = {
  name: text({
    doc: 'How the sink is called in `/health` and metrics.',
    lengthMax: 63,
    limits: '`[a-z0-9-]{1,63}`, each once; required',
    rule: (name) =>
      /^[a-z0-9-]{1,63}$/.test(name)
        ? null
        : { message: 'is no name', fix: 'write 1 to 63 of a-z, 0-9 and -' },
    restart,
  }),
  type: choice({
    doc: 'A file to write, or a command to run.',
    of: ['file', 'exec'],
    limits: 'file, exec; required',
    restart,
  }),
  token: text({
    doc: 'The token to deliver.',
    fallback: 'default',
    limits: 'a configured one',
    restart,
  }),
  path: path({ doc: 'The file to write.', limits: 'required by `file`', restart }),
  format: choice({ doc: 'What is written.', of: sinkFormats, fallback: 'raw', restart }),
  template: text({
    doc: 'The text to fill in.',
    limits: 'exactly with `format: template`',
    lengthMax: 65_536,
    multiline: true,
    restart,
  }),
  mode: octal({ doc: "The file's permissions.", fallback: '0600', restart }),
  owner: text({ doc: "The file's owner.", limits: 'user or user:group', rule: asciiRule, restart }),
  command: argv({
    doc: 'Program and arguments, run without a shell.',
    limits: 'a list; required by `exec`',
    restart,
  }),
  timeout: duration({
    doc: 'How long one delivery may take.',
    fallback: '30s',
    bounds: { min: '100ms', max: '1h' },
    restart,
  }),
  splay: duration({
    doc: 'A delivery waits up to this long, at random.',
    fallback: '0',
    bounds: { min: '0', max: '24h' },
    restart,
  }),
  remove_on_exit: boolean({
    doc: 'Removes the file when the agent stops.',
    fallback: 'false',
    restart,
  }),
} satisfies Record<string, Setting<unknown>>;

export type Settings = typeof settings;
export type SettingKey = keyof Settings;
export type SecretKey = {
  [K in SettingKey]: Settings[K]['kind'] extends 'secret' ? K : never;
}[SettingKey];
