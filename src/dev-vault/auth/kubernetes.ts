// Kubernetes login: the service account token of a pod, looked up at the API server's TokenReview endpoint.
// https://developer.hashicorp.com/vault/api-docs/auth/kubernetes
import { encodeJson, isJsonObject, type Json, type JsonObject } from '../json-text.js';
import { oneError, permissionDenied, refuse, type Refusal, type Result } from '../result.js';
import { compileRoutes, type Backend, type Call, type Route } from '../route.js';
import { audiencesOf, parseJwt, readPublicKey, verifySignature } from './jwt-verify.js';
import {
  defaultRoleToken,
  describeRoleToken,
  logIn,
  readRoleToken,
  ROLE_TOKEN_FIELDS,
  type RoleToken,
} from './role-token.js';
import { reviewToken, type Reviewer } from './token-review.js';

interface KubernetesConfig extends Reviewer {
  readonly pemKeys: readonly string[];
  readonly issuer: string;
  readonly disableIssValidation: boolean;
  readonly disableLocalCaJwt: boolean;
}

interface KubernetesRole {
  readonly names: readonly string[];
  readonly namespaces: readonly string[];
  readonly audience: string;
  readonly token: RoleToken;
}

interface ServiceAccount {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly secretName: string;
}

export function kubernetesBackend(): Backend {
  return { routes: compileRoutes(kubernetesRoutes(new KubernetesAuth())) };
}

export function kubernetesRoutes(auth: KubernetesAuth): readonly Route[] {
  return [
    {
      path: 'config',
      fields: {
        kubernetes_host: 'string',
        kubernetes_ca_cert: 'string',
        token_reviewer_jwt: 'string',
        pem_keys: 'commaStrings',
        issuer: 'string',
        disable_iss_validation: 'bool',
        disable_local_ca_jwt: 'bool',
      },
      read: () => auth.readConfig(),
      write: (call) => auth.writeConfig(call),
    },
    {
      path: 'login',
      fields: { role: 'string', jwt: 'string' },
      needsNoToken: true,
      write: (call) => auth.logIn(call),
    },
    { path: 'role', list: () => auth.list() },
    { path: 'role/', list: () => auth.list() },
    {
      path: 'role/{name}',
      fields: {
        name: 'string',
        bound_service_account_names: 'commaStrings',
        bound_service_account_namespaces: 'commaStrings',
        audience: 'string',
        alias_name_source: 'string',
        ...ROLE_TOKEN_FIELDS,
      },
      exists: (call) => auth.has(call),
      read: (call) => auth.readRole(call),
      write: (call) => auth.writeRole(call),
      remove: (call) => auth.removeRole(call),
    },
  ];
}

export class KubernetesAuth {
  #config: KubernetesConfig | undefined;
  readonly #roles = new Map<string, KubernetesRole>();

  readConfig(): Result {
    if (this.#config === undefined) return undefined;
    const config = this.#config;
    return {
      data: {
        disable_iss_validation: config.disableIssValidation,
        disable_local_ca_jwt: config.disableLocalCaJwt,
        issuer: config.issuer,
        kubernetes_ca_cert: config.caCert,
        kubernetes_host: config.host,
        pem_keys: [...config.pemKeys],
        token_reviewer_jwt_set: config.reviewerJwt !== '',
      },
    };
  }

  writeConfig({ fields }: Call): Result {
    const host = fields.string('kubernetes_host');
    if (host === '') return refuse(400, 'no host provided');
    const caCert = fields.string('kubernetes_ca_cert');
    if (fields.bool('disable_local_ca_jwt') && caCert === '') {
      return refuse(400, 'kubernetes_ca_cert must be given when disable_local_ca_jwt is true');
    }
    const pemKeys = fields.strings('pem_keys');
    if (pemKeys.some((pem) => readPublicKey(pem) === undefined)) {
      return refuse(400, 'data does not contain any valid public keys');
    }
    this.#config = {
      host,
      caCert,
      reviewerJwt: fields.string('token_reviewer_jwt'),
      pemKeys,
      issuer: fields.string('issuer'),
      disableIssValidation: fields.bool('disable_iss_validation', true),
      disableLocalCaJwt: fields.bool('disable_local_ca_jwt'),
    };
    return undefined;
  }

  list(): Result {
    const keys = [...this.#roles.keys()].sort();
    return keys.length === 0 ? undefined : { data: { keys } };
  }

  has(call: Call): boolean {
    return this.#roles.has(roleNameOf(call));
  }

  readRole(call: Call): Result {
    const role = this.#roles.get(roleNameOf(call));
    if (role === undefined) return undefined;
    return {
      data: {
        alias_name_source: 'serviceaccount_uid',
        ...(role.audience === '' ? {} : { audience: role.audience }),
        bound_service_account_names: [...role.names],
        bound_service_account_namespace_selector: '',
        bound_service_account_namespaces: [...role.namespaces],
        ...describeRoleToken(role.token),
      },
    };
  }

  writeRole(call: Call): Result {
    const { fields } = call;
    const before = this.#roles.get(roleNameOf(call));
    const token = readRoleToken(fields, before?.token ?? defaultRoleToken);
    if ('refusedWith' in token) return token;
    const list = (name: string, old: readonly string[] | undefined): readonly string[] =>
      fields.has(name) ? fields.strings(name) : (old ?? []);
    const names = list('bound_service_account_names', before?.names);
    const namespaces = list('bound_service_account_namespaces', before?.namespaces);
    const refusal = boundRefusal(names, namespaces);
    if (refusal !== undefined) return refusal;
    const audience = fields.string('audience') || (before?.audience ?? '');
    this.#roles.set(roleNameOf(call), { names, namespaces, audience, token });
    return undefined;
  }

  removeRole(call: Call): Result {
    this.#roles.delete(roleNameOf(call));
    return undefined;
  }

  async logIn(call: Call): Promise<Result> {
    const name = call.fields.string('role');
    if (name === '') return refuse(400, 'missing role');
    const jwt = call.fields.string('jwt');
    if (jwt === '') return refuse(400, 'missing jwt');
    const role = this.#roles.get(name.toLowerCase());
    if (role === undefined) return refuse(400, `invalid role name "${name}"`);
    const config = this.#config;
    if (config === undefined) return refuse(500, 'could not load backend configuration');
    const claims = claimsOf(jwt, config, role, call.node.core.clock.nowMs() / 1000);
    if ('refusedWith' in claims) return claims;
    const account = accountOf(claims.claims);
    const refusal = accountRefusal(account, role);
    if (refusal !== undefined) return refusal;
    const wanted = role.audience === '' ? audiencesOf(claims.claims) : [role.audience];
    const reviewed = await reviewToken(config, jwt, wanted);
    const isSame =
      reviewed?.name === account.name &&
      reviewed.namespace === account.namespace &&
      reviewed.uid === account.uid;
    if (!isSame) return permissionDenied;
    return logIn(call, role.token, {
      alias: account.uid,
      displayName: `kubernetes-${account.namespace}-${account.name}`,
      metadata: {
        role: name,
        service_account_name: account.name,
        service_account_namespace: account.namespace,
        service_account_secret_name: account.secretName,
        service_account_uid: account.uid,
      },
    });
  }
}

function roleNameOf(call: Call): string {
  return call.fields.string('name').toLowerCase();
}

function boundRefusal(
  names: readonly string[],
  namespaces: readonly string[],
): Refusal | undefined {
  if (names.length === 0) return refuse(400, '"bound_service_account_names" can not be empty');
  if (namespaces.length === 0) {
    return refuse(
      400,
      '"bound_service_account_namespaces" can not be empty if "bound_service_account_namespace_selector" is not set',
    );
  }
  const mixes = [names, namespaces].some((list) => list.length > 1 && list.includes('*'));
  return mixes ? refuse(400, 'can not mix "*" with values') : undefined;
}

function claimsOf(
  jwt: string,
  config: KubernetesConfig,
  role: KubernetesRole,
  nowSeconds: number,
): Refusal | { readonly claims: JsonObject } {
  const keys = config.pemKeys.flatMap((pem) => readPublicKey(pem) ?? []);
  const read = keys.length === 0 ? parseJwt(jwt) : verifySignature(jwt, keys);
  // A bad signature and a text that is no JWT are refused alike.
  if ('error' in read) return permissionDenied;
  const { claims } = read;
  if (role.audience !== '' && !audiencesOf(claims).includes(role.audience)) {
    return refuse(
      403,
      'invalid audience (aud) claim: audience claim does not match any expected audience',
    );
  }
  const expiry = Number(encodeJson(claims['exp'] ?? 0));
  return expiry > 0 && nowSeconds - 60 > expiry
    ? refuse(403, 'invalid expiration time (exp) claim: token is expired')
    : { claims };
}

/** Projected tokens have an object, the older ones flat names. */
function accountOf(claims: JsonObject): ServiceAccount {
  const projected = claims['kubernetes.io'];
  const account = isJsonObject(projected) ? projected['serviceaccount'] : undefined;
  const flat = (name: string): string => textOf(claims[`kubernetes.io/serviceaccount/${name}`]);
  if (isJsonObject(projected) && isJsonObject(account)) {
    return {
      name: textOf(account['name']),
      uid: textOf(account['uid']),
      namespace: textOf(projected['namespace']),
      secretName: '',
    };
  }
  return {
    name: flat('service-account.name'),
    uid: flat('service-account.uid'),
    namespace: flat('namespace'),
    secretName: flat('secret.name'),
  };
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function accountRefusal(account: ServiceAccount, role: KubernetesRole): Refusal | undefined {
  if (!matchesAny(account.name, role.names)) {
    return refuse(403, 'service account name not authorized');
  }
  if (!matchesAny(account.namespace, role.namespaces))
    return refuse(403, 'namespace not authorized');
  return account.uid === '' ? refuse(500, oneError('could not parse UID from claims')) : undefined;
}

/** Globs: a star at either end. */
function matchesAny(text: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    const parts = pattern.split('*').map((part) => part.replace(/[.?+^$[\]\\(){}|]/g, '\\$&'));
    return new RegExp(`^${parts.join('.*')}$`, 's').test(text);
  });
}
