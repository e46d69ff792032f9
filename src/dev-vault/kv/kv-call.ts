// What every KV v2 route starts with: the engine of the mount, and the secret as this node sees it.
import type { Call } from '../route.js';
import type { KvEngine } from './kv-engine.js';
import type { Secret } from './secret.js';

export function engineOf(call: Call): KvEngine {
  if (call.mount.kv === undefined) throw new Error(`${call.mount.path} is not a KV mount`);
  return call.mount.kv;
}

export function secretOf(call: Call): Secret | undefined {
  return engineOf(call).table.get(call.fields.string('path'), call.node.asOfMs);
}
