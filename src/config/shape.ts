// Whether what was written has the shape that a setting's schema says: the few words of JSON Schema (draft 2020-12) that
// settings use, and no other. A checker of all of it is 500 modules, which every start would run; a test holds this one
// against TypeBox's.
import type { TSchema } from 'typebox/type';

interface Shape {
  readonly anyOf?: readonly Shape[];
  readonly enum?: readonly unknown[];
  readonly type?: 'string' | 'integer' | 'boolean' | 'array';
  readonly pattern?: string;
  readonly minimum?: number;
  readonly items?: Shape;
  readonly minItems?: number;
  readonly maxItems?: number;
}

const words: ReadonlySet<string> = new Set<keyof Shape>([
  'anyOf',
  'enum',
  'type',
  'pattern',
  'minimum',
  'items',
  'minItems',
  'maxItems',
]);

/** Throws for a schema with a word that it does not know. */
export function hasShape(schema: TSchema, written: unknown): boolean {
  const unknown = Object.keys(schema).find((word) => !words.has(word));
  if (unknown !== undefined) throw new Error(`a setting's schema says '${unknown}'`);
  const shape: Shape = schema;
  if (shape.anyOf !== undefined) return shape.anyOf.some((one) => hasShape(one, written));
  if (shape.enum !== undefined) return shape.enum.includes(written);
  return hasType(shape, written);
}

function hasType(shape: Shape, written: unknown): boolean {
  switch (shape.type) {
    case 'string':
      return typeof written === 'string' && matches(shape.pattern, written);
    case 'integer':
      return Number.isInteger(written) && Number(written) >= (shape.minimum ?? -Infinity);
    case 'boolean':
      return typeof written === 'boolean';
    case 'array':
      return Array.isArray(written) && isListOf(shape, written);
    default:
      throw new Error(`a setting's schema says '${String(shape.type)}'`);
  }
}

function matches(pattern: string | undefined, written: string): boolean {
  return pattern === undefined || new RegExp(pattern, 'u').test(written);
}

function isListOf(
  { items, minItems = 0, maxItems = Infinity }: Shape,
  written: readonly unknown[],
): boolean {
  if (written.length < minItems || written.length > maxItems) return false;
  return items === undefined || Array.from(written).every((item) => hasShape(items, item));
}
