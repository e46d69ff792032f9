// Rules for paths inside Vault: mount, prefix, deployment, token path. Refuses what would leave the prefix, what a URL
// would change under way, and the API's own `data` segment, which the agent adds itself (KV v2 API pages).
import type { TextRule } from './setting.js';

/** Without slashes at the ends. */
export function trimSlashes(path: string): string {
  return path.replace(/^\/+|\/+$/g, '');
}

/** Segments that survive as written: no empty one, no `.` or `..`, none of `?#%*+\`. May be empty. */
export const pathRule: TextRule = (path) => {
  if (path === '') return null;
  if (/[?#%*+\\]/.test(path)) {
    return {
      message: 'has one of ? # % * + \\ in it',
      fix: 'write the path as `vault kv get` takes it',
    };
  }
  const segments = path.split('/');
  if (segments.includes('')) return { message: 'has two slashes in a row', fix: 'remove one' };
  if (segments.includes('.') || segments.includes('..')) {
    return { message: 'has . or .. as a segment', fix: 'write the path itself' };
  }
  return null;
};

/** One segment. */
export const segmentRule: TextRule = (segment) =>
  segment.includes('/')
    ? {
        message: 'has a slash in it',
        fix: 'write one path segment; the part before it belongs to vault.path_prefix',
      }
    : pathRule(segment);

export interface VaultLocation {
  readonly mount: string;
  readonly pathPrefix: string;
}

/**
 * Where the secrets are. `prefix` starts with the mount unless `mount` is given (it may contain slashes).
 * Returns what is wrong with the prefix, or the location.
 */
export function locate(
  mount: string | null,
  prefix: string,
): VaultLocation | { readonly message: string; readonly fix: string } {
  const segments = prefix === '' ? [] : prefix.split('/');
  const inMount = mount ?? segments.shift() ?? '';
  if (inMount === '') {
    return { message: 'names no mount', fix: 'write mount/path, for instance secret/keytender' };
  }
  const first = segments[0];
  if (first === 'data' || first === 'metadata') {
    const fixed = [...(mount === null ? [inMount] : []), ...segments.slice(1)].join('/');
    return {
      message: `has the API's own segment ${first} after the mount`,
      fix: `leave ${first} out, it is added: ${fixed === '' ? 'an empty prefix' : fixed}`,
    };
  }
  return { mount: inMount, pathPrefix: segments.join('/') };
}
