// Where a secret is in KV v2: `{mount}/data/{prefix}/{deployment}/{path}`, each segment encoded. Refuses what a
// proxy or a server could resolve to another secret (`.`, `..`, an empty segment).

export interface SecretLocation {
  readonly mount: string;
  /** Relative to the mount; may be empty. */
  readonly pathPrefix: string;
  readonly deployment: string;
  /** Relative to prefix and deployment. */
  readonly path: string;
}

/** The path of a read, after `/v1/`. Throws `RangeError` for a segment that is empty, `.` or `..`. */
export function secretPath(location: SecretLocation): string {
  return encodePath(`${location.mount}/data/${inMount(location)}`);
}

/** The path by which a server is asked what is mounted there, after `/v1/`. */
export function mountProbePath(location: SecretLocation): string {
  return encodePath(`sys/internal/ui/mounts/${location.mount}/${inMount(location)}`);
}

/** What a policy has to allow, as it is written in a policy: not encoded, one level above the secret. */
export function policyPath(location: SecretLocation): string {
  const folder = inMount({ ...location, path: '*' });
  return `${location.mount}/data/${folder}`;
}

/** The secret as a person names it (`vault kv get -mount=… …`): without the mount and `data`. */
export function inMount(location: SecretLocation): string {
  const { pathPrefix, deployment, path } = location;
  return [...(pathPrefix === '' ? [] : [pathPrefix]), deployment, path].join('/');
}

/** Each segment encoded. Throws `RangeError` for one that is empty, `.` or `..`. */
export function encodePath(path: string): string {
  return path.split('/').map(encodeSegment).join('/');
}

function encodeSegment(segment: string): string {
  if (segment === '' || segment === '.' || segment === '..') {
    throw new RangeError('a path in Vault has no empty segment, and none that is "." or ".."');
  }
  return encodeURIComponent(segment);
}
