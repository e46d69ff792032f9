// The routes of `sys/` that a server answers before any token, namespace or quota is looked at, sealed or not:
// health, seal status, unseal, leader, init. https://developer.hashicorp.com/vault/api-docs/system/health
import { timingSafeEqual } from 'node:crypto';
import { formatNanos } from '../instant.js';
import { decodeJson, encodeInOrder, isJsonObject, type Json } from '../json-text.js';
import type { VaultNode } from '../node.js';
import { refuse, type Result } from '../result.js';

export const VERSION = '2.0.0-HEAD';
export const ZERO_TIME = '0001-01-01T00:00:00Z';

export interface StatusRequest {
  readonly method: string;
  readonly query: URLSearchParams;
  readonly body: string;
  readonly node: VaultNode;
}

export type StatusHandler = (request: StatusRequest) => Result;

export const STATUS_ROUTES: Readonly<Record<string, StatusHandler>> = {
  'sys/health': health,
  'sys/init': init,
  'sys/leader': leader,
  'sys/seal-status': sealStatus,
  'sys/unseal': unseal,
};

const notAllowed = refuse(405);
const CODE = /^[+-]?[0-9]+$/;

function health({ method, query, node }: StatusRequest): Result {
  if (method !== 'GET' && method !== 'HEAD') return notAllowed;
  const standbyOk = query.get('standbyok');
  if (standbyOk !== null && !isGoBool(standbyOk)) return refuse(400);
  const codes: Record<string, number> = { uninit: 501, sealed: 503, standby: 429, active: 200 };
  for (const name of Object.keys(codes)) {
    const given = query.get(`${name}code`);
    if (given === null) continue;
    if (!CODE.test(given)) return refuse(400);
    codes[name] = Number(given);
  }
  const isOk = standbyOk !== null && isGoTrue(standbyOk);
  return { status: codes[stateOf(node, isOk)] ?? 200, bare: healthBody(node) };
}

function stateOf(
  node: VaultNode,
  standbyIsOk: boolean,
): 'uninit' | 'sealed' | 'standby' | 'active' {
  if (!node.initialized) return 'uninit';
  if (node.sealed) return 'sealed';
  return node.isStandby && !standbyIsOk ? 'standby' : 'active';
}

function isGoTrue(text: string): boolean {
  return ['1', 't', 'true'].includes(text.toLowerCase());
}

function isGoBool(text: string): boolean {
  return isGoTrue(text) || ['', '0', 'f', 'false'].includes(text.toLowerCase());
}

function healthBody(node: VaultNode): Json {
  const open = node.initialized && !node.sealed;
  const { core } = node;
  return encodeInOrder({
    initialized: node.initialized,
    sealed: !open,
    standby: !open || node.isStandby,
    performance_standby: false,
    replication_performance_mode: open ? 'disabled' : 'unknown',
    replication_dr_mode: open ? 'disabled' : 'unknown',
    server_time_utc: Math.floor(core.clock.nowMs() / 1000),
    version: VERSION,
    ...(open ? { cluster_name: core.clusterName, cluster_id: core.clusterId } : {}),
  });
}

function init({ method, node }: StatusRequest): Result {
  if (method === 'GET') return { bare: { initialized: node.initialized } };
  return method === 'POST' || method === 'PUT'
    ? refuse(400, 'invalid seal configuration: shares must be at least one')
    : notAllowed;
}

function leader({ method, node }: StatusRequest): Result {
  if (method !== 'GET') return notAllowed;
  const { cluster } = node;
  if (cluster !== undefined && node.sealed) return refuse(503, 'Vault is sealed');
  const active = cluster?.activeSeenFrom(node);
  const isSelf = active === node;
  return {
    bare: encodeInOrder({
      ha_enabled: cluster !== undefined,
      is_self: isSelf,
      active_time: isSelf && cluster !== undefined ? cluster.activeSinceText : ZERO_TIME,
      leader_address: active?.address ?? '',
      leader_cluster_address:
        active === undefined ? '' : active.address.replace(/^http:/, 'https:'),
    }),
  };
}

export function sealStatus({ method, node }: StatusRequest): Result {
  return method === 'GET' ? sealStatusOf(node) : notAllowed;
}

function sealStatusOf(node: VaultNode): Result {
  const { core } = node;
  return {
    bare: encodeInOrder({
      type: 'shamir',
      initialized: node.initialized,
      sealed: node.sealed,
      t: 1,
      n: 1,
      progress: 0,
      nonce: '',
      version: VERSION,
      build_date: '',
      migration: false,
      ...(node.sealed ? {} : { cluster_name: core.clusterName, cluster_id: core.clusterId }),
      recovery_seal: false,
      storage_type: 'inmem',
    }),
  };
}

function unseal({ method, body, node }: StatusRequest): Result {
  if (method !== 'PUT' && method !== 'POST') return notAllowed;
  const parsed = parseBody(body);
  if (parsed === undefined)
    return refuse(400, body.trim() === '' ? 'EOF' : 'failed to parse JSON input: unexpected EOF');
  const given = parsed['key'] ?? parsed['Key'];
  if (parsed['reset'] === true)
    return node.sealed ? sealStatusOf(node) : refuse(400, 'vault is unsealed');
  if (typeof given !== 'string' || given === '') {
    return refuse(400, "'key' must be specified in request body as JSON, or 'reset' set to true");
  }
  const key = decodeKey(given);
  if (key === undefined) return refuse(400, "'key' must be a valid hex or base64 string");
  if (!node.sealed) return sealStatusOf(node);
  const right = Buffer.from(node.core.unsealKey, 'base64');
  if (key.length !== right.length || !timingSafeEqual(key, right)) {
    return refuse(400, wrongKeyText(key.length));
  }
  node.sealed = false;
  return sealStatusOf(node);
}

function wrongKeyText(bytes: number): string {
  if (bytes < 16) return 'invalid key: key is shorter than minimum 16 bytes';
  if (bytes > 33) return 'invalid key: key is longer than maximum 33 bytes';
  return AES_KEY_BYTES.includes(bytes)
    ? 'unable to retrieve stored keys: invalid key: failed to decrypt keys from storage: cipher: message authentication failed'
    : `invalid key: failed to setup unseal key: crypto/aes: invalid key size ${bytes}`;
}

const AES_KEY_BYTES = [16, 24, 32];

function parseBody(body: string): Record<string, Json> | undefined {
  try {
    const parsed = decodeJson(body);
    return isJsonObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function decodeKey(text: string): Buffer | undefined {
  if (/^(?:[0-9a-fA-F]{2}){16,33}$/.test(text)) return Buffer.from(text, 'hex');
  return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)
    ? Buffer.from(text, 'base64')
    : undefined;
}

/** For answers that tell when something began. */
export function timeText(ms: number): string {
  return formatNanos(BigInt(Math.trunc(ms)) * 1_000_000n);
}
