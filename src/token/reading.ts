// What one version of a secret looked like in Vault, as plain values: the edge between "how Vault was read" and
// "what it means". Made by vault/, understood by token/. KV v2 API: `GET {mount}/data/{path}?version=N`.

/** One answered read of KV v2. `createdTime` is Vault's own string (RFC 3339 with nanoseconds): with `version` it is identity. */
export type SecretReading =
  | {
      readonly kind: 'live';
      readonly version: number;
      readonly createdTime: string;
      /** The fields of the secret, still untrusted. Dropped as soon as they are parsed. */
      readonly fields: Readonly<Record<string, unknown>>;
      /** Of the whole secret, not of this version. */
      readonly customMetadata: Readonly<Record<string, unknown>> | null;
      /** When `delete_version_after` will delete this version; null: never. */
      readonly deletionTime: string | null;
    }
  | {
      readonly kind: 'deleted' | 'destroyed';
      readonly version: number;
      readonly createdTime: string;
      readonly customMetadata: Readonly<Record<string, unknown>> | null;
    }
  /** A bare 404 to a read *by number*: pruned, or never written. Never a revocation. */
  | { readonly kind: 'unknown' };
