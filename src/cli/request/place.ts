// Which agent `request` asks, and as whom: what was named, else what the settings say, else the environment as `status`
// reads it. The probe address is never asked: it has no signed API. A socket needs no key, so it comes first.
import { clientCredential, holderCredential, type Credential } from '../../client/credential.js';
import { socketEndpoint, type Endpoint } from '../../client/endpoint.js';
import { KeyFile } from '../../client/key-file.js';
import { isSocketPath, socketPathBytesMax } from '../../platform/socket-path.js';
import { refuseSettings } from '../agent.js';
import { probeTarget, type ProbeTarget } from '../healthcheck/target.js';
import type { Io } from '../io.js';
import { loadSettings, type SettingsOptions } from '../settings.js';
import { UsageError } from '../usage-error.js';

export interface Who {
  readonly url?: string;
  readonly socket?: string;
  readonly name?: string;
  readonly tokenFile?: string;
  readonly client?: string;
  readonly keyFile?: string;
}

/** null when the settings are wrong, which was told. Throws `UsageError`. */
export async function endpointOf(
  who: Who,
  settings: SettingsOptions,
  io: Io,
): Promise<Endpoint | null> {
  const { url, socket } = who;
  if (socket !== undefined) {
    if (url !== undefined) throw new UsageError('--socket and --url: name one of them');
    return atSocket('--socket', socket);
  }
  if (url !== undefined) return atTarget(probeTarget(url, {}));
  const isByKey = who.tokenFile !== undefined || who.client !== undefined;
  if (settings.config === undefined && settings.set.length === 0)
    return fromEnvironment(io, isByKey);
  const loaded = await loadSettings(settings, io);
  if (!loaded.ok) {
    refuseSettings(loaded.problems, io);
    return null;
  }
  const { listen } = loaded.config;
  if (listen.socket !== null && !isByKey) return atSocket('listen.socket', listen.socket);
  const { host, port } = listen.address;
  const target = probeTarget(undefined, {
    KEYTENDER_LISTEN_ADDRESS: `${host.includes(':') ? `[${host}]` : host}:${port}`,
    KEYTENDER_LISTEN_AUTHORITIES: listen.authorities.join(','),
  });
  return atTarget({ ...target, tls: listen.tlsCert !== null });
}

/** null: nobody; unsigned routes need no one. Throws `UsageError`. */
export function credentialOf({ name, tokenFile, client, keyFile }: Who): Credential | null {
  if ((client === undefined) !== (keyFile === undefined)) {
    throw new UsageError('--client and --key-file belong together');
  }
  if (client !== undefined && keyFile !== undefined) {
    if (tokenFile !== undefined)
      throw new UsageError('--client and --token-file: name one of them');
    return clientCredential(client, keyFile);
  }
  if (tokenFile === undefined) return null;
  return holderCredential(name ?? 'default', new KeyFile(tokenFile));
}

function fromEnvironment({ env }: Pick<Io, 'env'>, isByKey: boolean): Endpoint {
  const socket = env['KEYTENDER_LISTEN_SOCKET'];
  if (socket !== undefined && socket !== '' && !isByKey) {
    return atSocket('KEYTENDER_LISTEN_SOCKET', socket);
  }
  return atTarget(probeTarget(undefined, { ...env, KEYTENDER_LISTEN_PROBE_ADDRESS: undefined }));
}

function atSocket(option: string, path: string): Endpoint {
  if (isSocketPath(path)) return socketEndpoint(path);
  throw new UsageError(
    `${option}: the path of a Unix socket has 1 to ${socketPathBytesMax} bytes; a relative path, or a link to the folder, is shorter`,
  );
}

function atTarget({ hosts, port, authority, path, tls }: ProbeTarget): Endpoint {
  if (path !== null) throw new UsageError('--url has no path: PATH is an argument of its own');
  return { kind: 'tcp', isTls: tls, host: hosts[0] ?? '127.0.0.1', port, authority };
}
