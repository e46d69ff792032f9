// The `keyid` parameter: `name[:version]` for holders of a token, `client:id[:version]` for a client with a key of
// its own. The version is a hint which key to expect, and that a newer one exists; it selects nothing by itself.

export interface Keyid {
  /** `name` or `client:id`: what a key is looked up by. */
  readonly caller: string;
  /** Absent when the signer did not say. */
  readonly version: number | undefined;
}

/** Undefined when it is not of this form. */
export function parseKeyid(text: string): Keyid | undefined {
  const match = form.exec(text);
  const caller = match?.[1];
  if (caller === undefined || caller === 'client') return undefined;
  const version = match?.[2];
  return { caller, version: version === undefined ? undefined : Number(version) };
}

const form = /^((?:client:)?[a-z0-9-]{1,63})(?::([1-9][0-9]{0,9}))?$/;
