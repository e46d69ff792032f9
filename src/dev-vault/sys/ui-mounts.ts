// `sys/internal/ui/mounts`: which engine a path belongs to, for whoever may do anything there. The command line asks
// it first, to tell KV v1 from v2. Needs no token to be asked, but one to be told anything.
import { describeMount, type Mount } from '../mount.js';
import type { JsonObject } from '../json-text.js';
import { refuse, type Result } from '../result.js';
import type { Call, Route } from '../route.js';

export const UI_MOUNT_ROUTES: readonly Route[] = [
  { path: 'internal/ui/mounts', needsNoToken: true, read: listVisible },
  {
    path: 'internal/ui/mounts/{path*}',
    fields: { path: 'string' },
    needsNoToken: true,
    read: readOne,
  },
];

function canSee(call: Call, mount: Mount): boolean {
  if (call.token === undefined) return false;
  return call.node.core.aclOf(call.token).touches(call.realm.path + mount.path);
}

function listVisible(call: Call): Result {
  const auth: JsonObject = {};
  const secret: JsonObject = {};
  for (const mount of call.realm.mounts.values()) {
    if (!canSee(call, mount)) continue;
    if (mount.path.startsWith('auth/'))
      auth[mount.path.slice('auth/'.length)] = describeMount(mount);
    else secret[mount.path] = describeMount(mount);
  }
  return { data: { auth, secret } };
}

function readOne(call: Call): Result {
  const asked = `${call.fields.string('path').replace(/\/+$/, '')}/`;
  const found = call.realm.mountOf(asked);
  if (found === undefined || !canSee(call, found)) {
    if (call.token === undefined) return refuse(403, 'permission denied');
    return refuse(
      403,
      `preflight capability check returned 403, please ensure client's policies grant access to path "${asked}"`,
    );
  }
  return { data: { ...describeMount(found), path: found.path } };
}
