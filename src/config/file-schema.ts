// The JSON Schema of a settings file, for editors: derived from the settings table. It knows shapes; limits and what
// settings say together are checked when they are loaded.
import * as Type from 'typebox/type';
import type { TSchema } from 'typebox/type';
import { settings, sinkSettings, tokenSettings } from './settings.js';

/** Draft 2020-12. Nested mappings only: it does not describe the dotted keys that a file may also use. */
export function fileSchema(): TSchema {
  const rows = Object.entries(settings).flatMap(([key, row]): [string[], TSchema][] => [
    [key.split('.'), described(row)],
    ...(row.kind === 'secret' ? [fileForm(key)] : []),
  ]);
  const token = Type.Union([mapping(describedAll(tokenSettings)), Type.Null()]);
  const names = Type.String({ pattern: '^(?!client$)[a-z0-9-]{1,63}$' });
  const tokens = Type.Record(names, token, { additionalProperties: false, minProperties: 1 });
  const sinks = Type.Array(mapping(describedAll(sinkSettings), ['name', 'type']));
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'keytender settings',
    ...nest([...rows, [['tokens'], tokens], [['sinks'], sinks]]),
  };
}

function fileForm(key: string): [string[], TSchema] {
  return [`${key}_file`.split('.'), Type.String({ description: `The file that ${key} is in.` })];
}

/** Rows under the same first part become one mapping. */
function nest(rows: readonly (readonly [readonly string[], TSchema])[]): TSchema {
  const parts = new Map<string, [string[], TSchema][]>();
  for (const [[part = '', ...rest], schema] of rows) {
    parts.set(part, [...(parts.get(part) ?? []), [rest, schema]]);
  }
  const properties = [...parts].map(([part, inner]): [string, TSchema] => {
    const [first] = inner;
    return [part, first?.[0].length === 0 ? first[1] : nest(inner)];
  });
  return mapping(Object.fromEntries(properties));
}

interface Row {
  readonly doc: string;
  readonly schema: TSchema;
}

function described({ doc, schema }: Row): TSchema {
  return { ...schema, description: doc };
}

function describedAll(rows: Readonly<Record<string, Row>>): Record<string, TSchema> {
  return Object.fromEntries(Object.entries(rows).map(([field, row]) => [field, described(row)]));
}

function mapping(properties: Record<string, TSchema>, required?: readonly string[]): TSchema {
  return {
    type: 'object',
    properties,
    ...(required === undefined ? {} : { required }),
    additionalProperties: false,
  };
}
