// A token in an answer as JSON Schema, for the OpenAPI document. The type of `token-view.ts` is held against it by the
// compiler.
import * as Type from 'typebox/type';
import { tokenStates } from '../../health/body.js';
import type { TokenView } from './token-view.js';

const time = Type.String({ format: 'date-time' });
const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const tokenSchema = Type.Object({
  name: Type.String(),
  value: Type.Optional(Type.String()),
  version: nullable(Type.Integer()),
  revision: Type.String(),
  created_at: nullable(time),
  age_seconds: nullable(Type.Number()),
  state: Type.Enum([...tokenStates]),
  superseded: Type.Array(
    Type.Object({
      value: Type.Optional(Type.String()),
      version: nullable(Type.Integer()),
      usable_until: time,
    }),
  ),
  pending: nullable(
    Type.Object({
      value: Type.Optional(Type.String()),
      version: Type.Integer(),
      not_before: time,
    }),
  ),
});

export const tokenListSchema = Type.Object({ tokens: Type.Array(tokenSchema) });

/** `never` when the schema and the view disagree, in either direction. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;
true satisfies Same<Type.Static<typeof tokenSchema>, Mutable<TokenView>>;
