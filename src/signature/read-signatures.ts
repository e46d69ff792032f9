// The two signature fields of a message (RFC 9421 §4) as a table: label, covered list with parameters, MAC. Both
// must hold the same labels, each once. What the lists mean is not looked at here.
import type { Fields } from './fields.js';
import type { SignaturePolicy } from './policy.js';
import { parseDictionary } from './structured-field.js';
import type { BareItem, Bytes, Dictionary, InnerList } from './structured-field.js';

export interface RawSignature {
  readonly label: string;
  readonly input: InnerList;
  readonly mac: Uint8Array;
}

export type SignatureLimits = Pick<SignaturePolicy, 'signaturesMax' | 'fieldCharsMax'>;

export function readSignatures(
  fields: Fields,
  limits: SignatureLimits,
): readonly RawSignature[] | 'missing_signature' | 'malformed_signature' {
  const inputText = fields.value('signature-input');
  const macText = fields.value('signature');
  if (inputText === undefined && macText === undefined) return 'missing_signature';
  const inputs = signatureDictionary(inputText, limits);
  const macs = signatureDictionary(macText, limits);
  if (inputs?.size !== macs?.size || inputs === undefined) return 'malformed_signature';
  const signatures: RawSignature[] = [];
  for (const [label, input] of inputs) {
    const mac = macs?.get(label);
    if (input.kind !== 'inner-list' || mac?.kind !== 'item' || !isBytes(mac.value)) {
      return 'malformed_signature';
    }
    signatures.push({ label, input, mac: mac.value.value });
  }
  return signatures;
}

function signatureDictionary(
  field: string | undefined,
  limits: SignatureLimits,
): Dictionary | undefined {
  if (field === undefined || field.length > limits.fieldCharsMax) return undefined;
  const dictionary = parseDictionary(field);
  if (dictionary === undefined || dictionary.size === 0) return undefined;
  return dictionary.size > limits.signaturesMax ? undefined : dictionary;
}

function isBytes(value: BareItem): value is Bytes {
  return typeof value === 'object' && value.type === 'bytes';
}
