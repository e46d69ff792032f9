// Sealing, and stepping down. https://developer.hashicorp.com/vault/api-docs/system/seal
import type { Result } from '../result.js';
import type { Call, Route } from '../route.js';

export const SEAL_ROUTES: readonly Route[] = [{ path: 'seal', needsSudo: true, write: seal }];

function seal(call: Call): Result {
  call.node.sealed = true;
  return undefined;
}
