// The settings that decide how long and how many tokens verify. Resolved by config/, only obeyed here.

export interface TokenLimits {
  /** `token.grace`, where neither the document nor the secret's custom metadata says otherwise. Milliseconds. */
  readonly graceMs: number;
  /** `token.superseded_max`. */
  readonly supersededMax: number;
  /** `refresh.on_deleted`. */
  readonly onDeleted: 'keep' | 'revoke';
}
