// A mounted engine or auth method, and how the mount listings show it.
import { randomBytes, randomUUID } from 'node:crypto';
import type { Json, JsonObject } from './json-text.js';
import type { KvEngine } from './kv/kv-engine.js';
import type { Backend } from './route.js';

export interface Mount {
  /** With a trailing slash: `secret/`, `auth/approle/`. */
  readonly path: string;
  readonly type: string;
  readonly accessor: string;
  readonly uuid: string;
  description: string;
  options: Readonly<Record<string, string>> | null;
  readonly local: boolean;
  readonly sealWrap: boolean;
  readonly config: MountConfig;
  readonly backend: Backend;
  /** The secrets, where it is a KV engine. */
  readonly kv: KvEngine | undefined;
}

export interface MountConfig {
  defaultLeaseSeconds: number;
  maxLeaseSeconds: number;
  /** Only of auth methods. */
  readonly tokenType?: string;
  readonly passthroughHeaders?: readonly string[];
}

export interface MountOptions {
  readonly path: string;
  readonly type: string;
  readonly description?: string;
  readonly options?: Readonly<Record<string, string>> | null;
  readonly local?: boolean;
  readonly sealWrap?: boolean;
  readonly config?: Partial<MountConfig>;
  readonly backend: Backend;
  readonly kv?: KvEngine;
}

export function createMount(wanted: MountOptions): Mount {
  const prefix = wanted.path.startsWith('auth/') ? `auth_${wanted.type}` : wanted.type;
  return {
    path: wanted.path,
    type: wanted.type,
    accessor: `${prefix}_${randomBytes(4).toString('hex')}`,
    uuid: randomUUID(),
    description: wanted.description ?? '',
    options: wanted.options ?? null,
    local: wanted.local ?? false,
    sealWrap: wanted.sealWrap ?? false,
    config: { defaultLeaseSeconds: 0, maxLeaseSeconds: 0, ...wanted.config },
    backend: wanted.backend,
    kv: wanted.kv,
  };
}

const CORE_TYPES = new Set(['system', 'identity', 'cubbyhole', 'token']);

/** The entry of one mount in `sys/mounts`, `sys/auth` and `sys/internal/ui/mounts`. */
export function describeMount(mount: Mount): JsonObject {
  const status = CORE_TYPES.has(mount.type) ? {} : { deprecation_status: 'supported' };
  return {
    ...status,
    accessor: mount.accessor,
    config: describeConfig(mount),
    description: mount.description,
    external_entropy_access: false,
    local: mount.local,
    options: mount.options,
    plugin_version: '',
    running_plugin_version: 'v2.0.0+builtin.bao',
    running_sha256: '',
    seal_wrap: mount.sealWrap,
    type: mount.type,
    uuid: mount.uuid,
  };
}

function describeConfig(mount: Mount): Json {
  const { defaultLeaseSeconds, maxLeaseSeconds, tokenType, passthroughHeaders } = mount.config;
  return {
    default_lease_ttl: defaultLeaseSeconds,
    force_no_cache: false,
    max_lease_ttl: maxLeaseSeconds,
    ...(tokenType === undefined ? {} : { token_type: tokenType }),
    ...(passthroughHeaders === undefined
      ? {}
      : { passthrough_request_headers: [...passthroughHeaders] }),
  };
}
