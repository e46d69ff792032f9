// A request's fields and URL as the agent's `/sign` and `/verify` take them.
import type { FieldsInput, RequestMessage } from '../signature/index.js';

/** Lower-case names with all their lines. */
export function fieldsRecord(fields: FieldsInput): Record<string, string[]> {
  const record: Record<string, string[]> = {};
  for (const [name, line] of fieldPairs(fields)) (record[name.toLowerCase()] ??= []).push(line);
  return record;
}

/** Whatever shape they have, as pairs in order. */
export function fieldPairs(fields: FieldsInput): (readonly [string, string])[] {
  if (!(Symbol.iterator in fields)) {
    return Object.entries(fields).flatMap(([name, value]) =>
      value === undefined ? [] : [value].flat().map((line) => [name, line] as const),
    );
  }
  const pairs: (readonly [string, string])[] = [];
  let pending: string | undefined;
  for (const entry of fields) {
    if (typeof entry !== 'string') pairs.push([entry[0], entry[1]]);
    else if (pending === undefined) pending = entry;
    else {
      pairs.push([pending, entry]);
      pending = undefined;
    }
  }
  return pairs;
}

/** An origin-form target with what `Host` and the connection say of it; where these say nothing, as it is. */
export function absoluteUrl({ url, headers, scheme }: RequestMessage): string {
  if (!url.startsWith('/') || scheme === undefined) return url;
  const hosts = fieldsRecord(headers)['host'] ?? [];
  return hosts.length === 1 ? `${scheme}://${hosts[0] ?? ''}${url}` : url;
}
