// The bodies of the unsigned routes as JSON Schema, for the OpenAPI document. The types are held against those of
// health/body.ts by the compiler.
import * as Type from 'typebox/type';
import type { HealthBody } from '../health/body.js';
import { tokenStates } from '../health/body.js';
import { failureClasses } from '../health/failure.js';

const time = Type.String({ format: 'date-time' });
const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

const tokenHealth = Type.Object({
  state: Type.Enum([...tokenStates]),
  usable: Type.Boolean(),
  version: nullable(Type.Integer()),
  source: nullable(Type.Enum(['vault', 'initial', 'static'])),
  created_at: nullable(time),
  age_seconds: nullable(Type.Number()),
  last_attempt_at: nullable(time),
  last_success_at: nullable(time),
  last_change_at: nullable(time),
  next_attempt_at: nullable(time),
  last_refresh_ok: nullable(Type.Boolean()),
  consecutive_failures: Type.Integer({ minimum: 0 }),
  error: nullable(
    Type.Object({
      class: Type.Enum([...failureClasses]),
      since: time,
      message: Type.String(),
    }),
  ),
  superseded: Type.Array(Type.Object({ version: nullable(Type.Integer()), usable_until: time })),
  pending: nullable(Type.Object({ version: Type.Integer(), not_before: time })),
  stale_at: nullable(time),
  expires_at: nullable(time),
});

const sinkHealth = Type.Object({
  ok: Type.Boolean(),
  version: nullable(Type.Integer()),
  last_success_at: nullable(time),
  error: nullable(Type.String()),
});

export const healthSchema = Type.Object({
  status: Type.Enum(['ok', 'degraded', 'unavailable', 'starting']),
  token_age_seconds: nullable(Type.Number()),
  last_refresh_ok: nullable(Type.Boolean()),
  mode: Type.Enum(['vault', 'static']),
  agent_id: Type.String(),
  version: Type.String(),
  uptime_seconds: Type.Number(),
  tokens: Type.Record(Type.String(), tokenHealth),
  vault: nullable(
    Type.Object({
      address: Type.Optional(Type.String()),
      authenticated: Type.Boolean(),
      login_expires_at: nullable(time),
      clock_offset_seconds: Type.Number(),
    }),
  ),
  sinks: Type.Optional(Type.Record(Type.String(), sinkHealth)),
});

/** `never` when the schema and the body disagree, in either direction. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;
true satisfies Same<Type.Static<typeof healthSchema>, Mutable<HealthBody>>;

export const okSchema = Type.Object({ status: Type.Literal('ok') });

export const unavailableSchema = Type.Object({
  status: Type.Literal('unavailable'),
  reason: Type.String(),
});

export const problemSchema = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String(),
  detail: Type.String(),
});
