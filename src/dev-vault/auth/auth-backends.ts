// The auth methods that can be enabled, by type.
import type { Backend } from '../route.js';
import { approleBackend } from './approle.js';
import { jwtBackend } from './jwt.js';
import { kubernetesBackend } from './kubernetes.js';

const BACKENDS: Readonly<Record<string, () => Backend>> = {
  approle: approleBackend,
  jwt: jwtBackend,
  kubernetes: kubernetesBackend,
};

/** Undefined: there is no such method here. */
export function createAuthBackend(type: string): Backend | undefined {
  return Object.hasOwn(BACKENDS, type) ? BACKENDS[type]?.() : undefined;
}
