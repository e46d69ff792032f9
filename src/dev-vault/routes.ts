// Every route that a dev Vault answers, for the documentation and the test that compares the two.
import { AppRoles, approleRoutes } from './auth/approle.js';
import { JwtAuth, jwtRoutes } from './auth/jwt.js';
import { KubernetesAuth, kubernetesRoutes } from './auth/kubernetes.js';
import { cubbyholeRoutes } from './cubbyhole.js';
import { KV1_ROUTES } from './kv/kv1-routes.js';
import { KV2_ROUTES } from './kv/kv2-routes.js';
import type { Route } from './route.js';
import { STATUS_ROUTES } from './sys/status-routes.js';
import { SYS_ROUTES } from './sys/sys-routes.js';
import { TOKEN_ROUTES } from './token/token-routes.js';

export interface ListedRoute {
  /** Below `/v1/`; `{mount}` is wherever the engine or method is mounted. */
  readonly path: string;
  readonly methods: readonly string[];
}

const STATUS_METHODS: Readonly<Record<string, readonly string[]>> = {
  'sys/health': ['GET', 'HEAD'],
  'sys/init': ['GET'],
  'sys/leader': ['GET'],
  'sys/seal-status': ['GET'],
  'sys/unseal': ['POST'],
};

/** `POST` stands for `PUT` too, `LIST` for `GET ?list=true`. */
export function listRoutes(): readonly ListedRoute[] {
  const status = Object.keys(STATUS_ROUTES).map((path) => ({
    path,
    methods: STATUS_METHODS[path] ?? [],
  }));
  return [
    ...status,
    ...below('sys', SYS_ROUTES),
    ...below('auth/token', TOKEN_ROUTES),
    ...below('auth/{approle}', approleRoutes(new AppRoles())),
    ...below('auth/{jwt}', jwtRoutes(new JwtAuth())),
    ...below('auth/{kubernetes}', kubernetesRoutes(new KubernetesAuth())),
    ...below('{kv-v2}', KV2_ROUTES),
    ...below('{kv-v1}', KV1_ROUTES),
    ...below(
      'cubbyhole',
      cubbyholeRoutes(() => new Map()),
    ),
  ];
}

function below(prefix: string, routes: readonly Route[]): ListedRoute[] {
  return routes.map((route) => ({ path: `${prefix}/${route.path}`, methods: methodsOf(route) }));
}

function methodsOf(route: Route): string[] {
  const methods: [string, unknown][] = [
    ['GET', route.read],
    ['POST', route.write],
    ['PATCH', route.patch],
    ['DELETE', route.remove],
    ['LIST', route.list],
    ['SCAN', route.scan],
  ];
  return methods.filter(([, handler]) => handler !== undefined).map(([name]) => name);
}
