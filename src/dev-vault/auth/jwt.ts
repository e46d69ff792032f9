// JWT login: a token signed by a key that was configured, with the audience and subject that the role binds. Keys by URL
// and OIDC are refused: the dev Vault has static keys only. https://developer.hashicorp.com/vault/api-docs/auth/jwt
import type { KeyObject } from 'node:crypto';
import { encodeJson, isJsonObject, type JsonObject } from '../json-text.js';
import { refuse, type Refusal, type Result } from '../result.js';
import { compileRoutes, type Backend, type Call, type Route } from '../route.js';
import { audiencesOf, claimsError, readPublicKey, verifySignature } from './jwt-verify.js';
import {
  defaultRoleToken,
  describeRoleToken,
  logIn,
  readRoleToken,
  ROLE_TOKEN_FIELDS,
  type RoleToken,
} from './role-token.js';

interface JwtConfig {
  readonly pems: readonly string[];
  readonly keys: readonly KeyObject[];
  readonly boundIssuer: string;
  readonly defaultRole: string;
}

interface JwtRole {
  readonly type: string;
  readonly boundAudiences: readonly string[];
  readonly boundSubject: string;
  readonly boundClaims: JsonObject | undefined;
  readonly userClaim: string;
  readonly expirationLeewaySeconds: number;
  readonly notBeforeLeewaySeconds: number;
  readonly clockSkewLeewaySeconds: number;
  readonly token: RoleToken;
}

export function jwtBackend(): Backend {
  return { routes: compileRoutes(jwtRoutes(new JwtAuth())) };
}

export function jwtRoutes(auth: JwtAuth): readonly Route[] {
  return [
    {
      path: 'config',
      fields: {
        jwt_validation_pubkeys: 'commaStrings',
        bound_issuer: 'string',
        default_role: 'string',
        jwks_url: 'string',
        oidc_discovery_url: 'string',
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
        role_type: 'string',
        bound_audiences: 'commaStrings',
        bound_subject: 'string',
        bound_claims: 'map',
        user_claim: 'string',
        expiration_leeway: 'signedSeconds',
        not_before_leeway: 'signedSeconds',
        clock_skew_leeway: 'signedSeconds',
        ...ROLE_TOKEN_FIELDS,
      },
      exists: (call) => auth.has(call),
      read: (call) => auth.readRole(call),
      write: (call) => auth.writeRole(call),
      remove: (call) => auth.removeRole(call),
    },
  ];
}

export class JwtAuth {
  #config: JwtConfig | undefined;
  readonly #roles = new Map<string, JwtRole>();

  readConfig(): Result {
    if (this.#config === undefined) return undefined;
    return {
      data: {
        bound_issuer: this.#config.boundIssuer,
        default_role: this.#config.defaultRole,
        jwks_ca_pem: '',
        jwks_url: '',
        jwt_supported_algs: [],
        jwt_validation_pubkeys: [...this.#config.pems],
        oidc_client_id: '',
        oidc_discovery_ca_pem: '',
        oidc_discovery_url: '',
        oidc_response_mode: '',
        oidc_response_types: [],
        provider_config: {},
      },
    };
  }

  writeConfig({ fields }: Call): Result {
    const pems = splitPems(fields.strings('jwt_validation_pubkeys'));
    if (fields.string('jwks_url') !== '' || fields.string('oidc_discovery_url') !== '') {
      return refuse(400, 'the dev Vault has no jwks_url and no OIDC: use jwt_validation_pubkeys');
    }
    if (pems.length === 0) {
      return refuse(
        400,
        "exactly one of 'jwt_validation_pubkeys', 'jwks_url' or 'oidc_discovery_url' must be set",
      );
    }
    const keys: KeyObject[] = [];
    for (const pem of pems) {
      const key = readPublicKey(pem);
      if (key === undefined) {
        return refuse(400, 'error parsing public key: data does not contain any valid public keys');
      }
      keys.push(key);
    }
    const boundIssuer = fields.string('bound_issuer');
    this.#config = { pems, keys, boundIssuer, defaultRole: fields.string('default_role') };
    return undefined;
  }

  list(): Result {
    const keys = [...this.#roles.keys()].sort();
    return keys.length === 0 ? undefined : { data: { keys } };
  }

  has(call: Call): boolean {
    return this.#roles.has(call.fields.string('name'));
  }

  readRole(call: Call): Result {
    const role = this.#roles.get(call.fields.string('name'));
    if (role === undefined) return undefined;
    return {
      data: {
        allowed_redirect_uris: null,
        bound_audiences: role.boundAudiences.length === 0 ? null : [...role.boundAudiences],
        bound_claims: role.boundClaims ?? null,
        bound_claims_type: 'string',
        bound_subject: role.boundSubject,
        callback_mode: 'client',
        claim_mappings: null,
        clock_skew_leeway: role.clockSkewLeewaySeconds,
        expiration_leeway: role.expirationLeewaySeconds,
        groups_claim: '',
        max_age: 0,
        not_before_leeway: role.notBeforeLeewaySeconds,
        oauth2_metadata: null,
        oidc_disable_confirmation: false,
        oidc_scopes: null,
        role_type: role.type,
        token_policies_template_claims: false,
        user_claim: role.userClaim,
        user_claim_json_pointer: false,
        verbose_oidc_logging: false,
        ...describeRoleToken(role.token),
      },
    };
  }

  writeRole({ fields }: Call): Result {
    const name = fields.string('name');
    const before = this.#roles.get(name);
    const type = fields.string('role_type') || (before?.type ?? 'oidc');
    if (type !== 'jwt' && type !== 'oidc') return refuse(400, `invalid 'role_type': ${type}`);
    const token = readRoleToken(fields, before?.token ?? defaultRoleToken);
    if ('refusedWith' in token) return token;
    const role: JwtRole = {
      type,
      boundAudiences: fields.has('bound_audiences')
        ? fields.strings('bound_audiences')
        : (before?.boundAudiences ?? []),
      boundSubject: fields.string('bound_subject') || (before?.boundSubject ?? ''),
      boundClaims: fields.has('bound_claims') ? fields.map('bound_claims') : before?.boundClaims,
      userClaim: fields.string('user_claim') || (before?.userClaim ?? ''),
      expirationLeewaySeconds: fields.seconds('expiration_leeway'),
      notBeforeLeewaySeconds: fields.seconds('not_before_leeway'),
      clockSkewLeewaySeconds: fields.seconds('clock_skew_leeway'),
      token,
    };
    const refusal = roleRefusal(role);
    if (refusal === undefined) this.#roles.set(name, role);
    return refusal;
  }

  removeRole(call: Call): Result {
    this.#roles.delete(call.fields.string('name'));
    return undefined;
  }

  logIn(call: Call): Result {
    const config = this.#config;
    if (config === undefined) return refuse(400, 'could not load configuration');
    const name = call.fields.string('role') || config.defaultRole;
    if (name === '') return refuse(400, 'missing role');
    const role = this.#roles.get(name);
    if (role === undefined) return refuse(400, `role "${name}" could not be found`);
    if (role.type === 'oidc') return refuse(400, 'role with oidc role_type is not allowed');
    const claims = readClaims(call, config, role);
    if ('refusedWith' in claims) return claims;
    const user = claims.claims[role.userClaim];
    if (user === undefined) return refuse(400, `claim "${role.userClaim}" not found in token`);
    if (typeof user !== 'string') {
      return refuse(400, `claim "${role.userClaim}" could not be converted to string`);
    }
    return logIn(call, role.token, {
      alias: user,
      displayName: `jwt-${user}`,
      metadata: { role: name },
    });
  }
}

/** Keys come as a list or as one text with several; commas never occur in PEM. */
function splitPems(texts: readonly string[]): string[] {
  return texts.map((text) => text.trim()).filter((text) => text !== '');
}

function roleRefusal(role: JwtRole): Refusal | undefined {
  if (role.userClaim === '') return refuse(400, 'a user claim must be defined on the role');
  const isBound =
    role.boundAudiences.length > 0 ||
    role.boundSubject !== '' ||
    role.boundClaims !== undefined ||
    role.token.boundCidrs.length > 0;
  if (role.type === 'jwt' && !isBound) {
    return refuse(400, 'must have at least one bound constraint when creating/updating a role');
  }
  return undefined;
}

function readClaims(
  call: Call,
  config: JwtConfig,
  role: JwtRole,
): Refusal | { readonly claims: JsonObject } {
  const jwt = call.fields.string('jwt');
  if (jwt === '') return refuse(400, 'missing token');
  const read = verifySignature(jwt, config.keys);
  if ('error' in read) {
    return refuse(400, `error validating token: error verifying token signature: ${read.error}`);
  }
  const { claims } = read;
  const expected = {
    ...role,
    issuer: config.boundIssuer,
    subject: role.boundSubject,
    audiences: role.boundAudiences,
  };
  const error = claimsError(claims, expected, call.node.core.clock.nowMs() / 1000);
  if (error !== undefined) return refuse(400, `error validating token: ${error}`);
  if (audiencesOf(claims).length > 0 && role.boundAudiences.length === 0) {
    return refuse(400, 'audience claim found in JWT but no audiences bound to the role');
  }
  const unbound = Object.keys(role.boundClaims ?? {}).find(
    (name) => !isBoundTo(role, claims, name),
  );
  if (unbound !== undefined) {
    const what =
      claims[unbound] === undefined
        ? 'is missing'
        : 'does not match any associated bound claim values';
    return refuse(400, `error validating claims: claim "${unbound}" ${what}`);
  }
  return { claims };
}

function isBoundTo(role: JwtRole, claims: JsonObject, name: string): boolean {
  const wanted = role.boundClaims?.[name] ?? null;
  const claim = claims[name];
  if (claim === undefined || isJsonObject(claim)) return false;
  const values = Array.isArray(claim) ? claim : [claim];
  const allowed = Array.isArray(wanted) ? wanted : [wanted];
  return values.some((value) =>
    allowed.some((candidate) => encodeJson(candidate) === encodeJson(value)),
  );
}
