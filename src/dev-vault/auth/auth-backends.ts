// The auth methods that can be enabled, by type.
import type { Backend } from '../route.js';

export function createAuthBackend(type: string): Backend | undefined {
  type;
  return undefined;
}
