// What every namespace has from the first day: `sys/`, `identity/`, `cubbyhole/` and `auth/token/`.
import { cubbyholeBackend } from './cubbyhole.js';
import { createMount } from './mount.js';
import type { Realm } from './realm.js';
import { sysBackend } from './sys/sys-routes.js';
import { tokenBackend } from './token/token-routes.js';

export function addSystemMounts(realm: Realm): void {
  const mounts = [
    createMount({
      path: 'sys/',
      type: 'system',
      description: 'system endpoints used for control, policy and debugging',
      sealWrap: true,
      config: { passthroughHeaders: ['Accept'] },
      backend: sysBackend,
    }),
    createMount({
      path: 'identity/',
      type: 'identity',
      description: 'identity store',
      config: { passthroughHeaders: ['Authorization'] },
      backend: { routes: [] },
    }),
    createMount({
      path: 'cubbyhole/',
      type: 'cubbyhole',
      description: 'per-token private secret storage',
      local: true,
      backend: cubbyholeBackend(),
    }),
    createMount({
      path: 'auth/token/',
      type: 'token',
      description: 'token based credentials',
      config: { tokenType: 'default-service' },
      backend: tokenBackend,
    }),
  ];
  for (const mount of mounts) realm.mounts.set(mount.path, mount);
}
