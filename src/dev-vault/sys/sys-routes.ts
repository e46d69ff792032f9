// `sys/`: everything that needs an unsealed server, gathered from one file for each idea.
import { compileRoutes, type Route } from '../route.js';
import { AUTH_ROUTES } from './auth-mounts.js';
import { CAPABILITY_ROUTES } from './capabilities.js';
import { MOUNT_ROUTES } from './mounts.js';
import { NAMESPACE_ROUTES } from './namespaces.js';
import { POLICY_ROUTES } from './policies.js';
import { QUOTA_ROUTES } from './quota-routes.js';
import { SEAL_ROUTES } from './seal.js';
import { UI_MOUNT_ROUTES } from './ui-mounts.js';
import { WRAPPING_ROUTES } from './wrapping.js';

export const SYS_ROUTES: readonly Route[] = [
  ...MOUNT_ROUTES,
  ...AUTH_ROUTES,
  ...UI_MOUNT_ROUTES,
  ...POLICY_ROUTES,
  ...CAPABILITY_ROUTES,
  ...WRAPPING_ROUTES,
  ...QUOTA_ROUTES,
  ...NAMESPACE_ROUTES,
  ...SEAL_ROUTES,
];

export const sysBackend = { routes: compileRoutes(SYS_ROUTES) };
