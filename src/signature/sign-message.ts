// The bare act of signing (RFC 9421 §3.1 steps 4–7, §4): given components and parameters in given order, the MAC and
// the two fields. `sign.ts` decides what these are in our scheme; other profiles of the RFC start here.
import { signatureParamsText } from './component.js';
import type { Component } from './component.js';
import type { Fields } from './fields.js';
import { computeMac, secretKey } from './key.js';
import type { KeyInput } from './key.js';
import type { MessageView } from './message.js';
import { refuse } from './refusal.js';
import type { Refusal } from './refusal.js';
import { signatureBase } from './signature-base.js';
import { parseDictionary } from './structured-field.js';
import type { Dictionary, Parameters } from './structured-field.js';
import { SigningError } from './signing-error.js';

export interface SignedMessage {
  readonly ok: true;
  readonly headers: { readonly 'signature-input': string; readonly signature: string };
  readonly base: string;
}

/**
 * Signs; a number is put behind a label that the message uses already.
 * @throws SigningError for the key, the label, and parameters that no field can carry
 */
export function signMessage(
  message: MessageView,
  components: readonly Component[],
  parameters: Parameters,
  key: KeyInput,
  label = 'keytender',
): SignedMessage | Refusal {
  const signatureParams = signatureParamsText(components, parameters);
  const built = signatureBase(message, components, signatureParams);
  if (!built.ok) return built;
  const inputs = existing(message.fields, 'signature-input');
  const macs = existing(message.fields, 'signature');
  if (inputs === undefined || macs === undefined) return refuse('malformed_signature');
  const mac = computeMac(secretKey(key), built.base);
  const free = freeLabel(label, inputs, macs);
  const headers = {
    'signature-input': appended(message.fields, 'signature-input', `${free}=${signatureParams}`),
    signature: appended(message.fields, 'signature', `${free}=:${mac}:`),
  };
  return { ok: true, headers, base: built.base };
}

const nothing: Dictionary = new Map();
const labelText = /^[a-z*][a-z0-9_.*-]*$/;

function existing(fields: Fields, name: string): Dictionary | undefined {
  const value = fields.value(name);
  return value === undefined ? nothing : parseDictionary(value);
}

function freeLabel(label: string, ...taken: readonly Dictionary[]): string {
  if (!labelText.test(label)) {
    throw new SigningError('malformed_value', 'a label must be a lower-case structured field key');
  }
  const isTaken = (one: string): boolean => taken.some((dictionary) => dictionary.has(one));
  if (!isTaken(label)) return label;
  let number = 2;
  while (isTaken(`${label}${number}`)) number += 1;
  return `${label}${number}`;
}

function appended(fields: Fields, name: string, member: string): string {
  const value = fields.value(name);
  return value === undefined || value === '' ? member : `${value}, ${member}`;
}
