// The message of `/sign` and `/verify` as JSON Schema, for the OpenAPI document.
import * as Type from 'typebox/type';

const headers = Type.Record(Type.String(), Type.Union([Type.String(), Type.Array(Type.String())]));

/** A request; with `status` and `request` the answer to one. */
export const messageSchema = Type.Object({
  method: Type.Optional(Type.String()),
  url: Type.Optional(Type.String()),
  headers: Type.Optional(headers),
  body: Type.Optional(Type.String({ contentEncoding: 'base64' })),
  tag: Type.Optional(Type.String()),
  status: Type.Optional(Type.Integer()),
  request: Type.Optional(
    Type.Object({ method: Type.String(), url: Type.String(), headers: Type.Optional(headers) }),
  ),
});

export const verifiedMessageSchema = Type.Object({
  ...messageSchema.properties,
  content_digest_verified: Type.Optional(Type.Boolean()),
  audience: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
  replay: Type.Optional(Type.Boolean()),
});
