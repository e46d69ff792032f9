// `@query-param` (RFC 9421 §2.2.8): one named parameter of a form-encoded query, decoded and encoded again as the
// URL standard's form parsing and percent-encoding say. A name that occurs twice has no value.

/**
 * @param query with its `?`
 * @param name as it stands in the identifier: percent-encoded
 */
export function queryParameterValue(query: string, name: string): string | undefined {
  let found: string | undefined;
  for (const [key, value] of new URLSearchParams(query)) {
    if (encode(key) !== name) continue;
    if (found !== undefined) return undefined;
    found = encode(value);
  }
  return found;
}

/** The form-urlencoded percent-encode set, with a space as `%20`. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
