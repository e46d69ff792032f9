// Which agent `status` asks: the one that was named, else the one whose settings file was given, else as the health
// check finds it.
import type { Config } from '../../config/config.js';
import { refuseSettings } from '../agent.js';
import { probeTarget } from '../healthcheck/target.js';
import { isSocketPath, socketPathBytesMax } from '../../platform/socket-path.js';
import type { Io } from '../io.js';
import { loadSettings, type SettingsOptions } from '../settings.js';
import { UsageError } from '../usage-error.js';
import type { HealthSource } from './fetch-health.js';

export interface Named {
  readonly url?: string;
  readonly socket?: string;
}

/** null when the settings are wrong, which was told. Throws `UsageError` for an address that is none. */
export async function sourceOf(
  { url, socket }: Named,
  settings: SettingsOptions,
  io: Io,
): Promise<HealthSource | null> {
  if (socket !== undefined) return atSocket(socket);
  if (url !== undefined || (settings.config === undefined && settings.set.length === 0)) {
    return probeTarget(url, io.env);
  }
  const loaded = await loadSettings(settings, io);
  if (loaded.ok) return configured(loaded.config);
  refuseSettings(loaded.problems, io);
  return null;
}

function atSocket(socket: string): HealthSource {
  if (isSocketPath(socket)) return { socket };
  throw new UsageError(
    `--socket: the path of a Unix socket has 1 to ${socketPathBytesMax} bytes; a relative path, or a link to the folder, is shorter`,
  );
}

function configured({ listen }: Config): HealthSource {
  const { probeAddress, address, authorities } = listen;
  const target = probeTarget(
    undefined,
    probeAddress === null
      ? {
          KEYTENDER_LISTEN_ADDRESS: written(address),
          KEYTENDER_LISTEN_AUTHORITIES: authorities.join(','),
        }
      : { KEYTENDER_LISTEN_PROBE_ADDRESS: written(probeAddress) },
  );
  return { ...target, tls: probeAddress === null && listen.tlsCert !== null };
}

function written({ host, port }: Config['listen']['address']): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
