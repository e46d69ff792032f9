// Strict serialisation of structured fields (RFC 9651 §4.1): typed values in, the one text for them out. It is
// what a signature base holds, so that white space and spelling on the wire do not change a signature's meaning.
// Throws on what no field can carry: that is a caller's mistake, never a stranger's.
import { SigningError } from './signing-error.js';
import type {
  BareItem,
  Dictionary,
  InnerList,
  Item,
  Member,
  Parameters,
} from './structured-field.js';

export function dictionaryText(dictionary: Dictionary): string {
  return Array.from(dictionary, ([key, member]) => memberOfDictionaryText(key, member)).join(', ');
}

export function listText(members: readonly Member[]): string {
  return members.map(memberText).join(', ');
}

export function memberText(member: Member): string {
  return member.kind === 'item' ? itemText(member) : innerListText(member.items, member.parameters);
}

export function innerListText(items: InnerList['items'], parameters: Parameters): string {
  return `(${items.map(itemText).join(' ')})${parametersText(parameters)}`;
}

export function itemText(item: Item): string {
  return bareItemText(item.value) + parametersText(item.parameters);
}

export function parametersText(parameters: Parameters): string {
  let text = '';
  for (const [key, value] of parameters) {
    text += value === true ? `;${key}` : `;${key}=${bareItemText(value)}`;
  }
  return text;
}

/** @throws SigningError `malformed_value` for text that is not printable ASCII and numbers out of range */
export function bareItemText(value: BareItem): string {
  if (typeof value === 'string') return stringText(value);
  if (typeof value === 'number') return integerText(value);
  if (typeof value === 'boolean') return value ? '?1' : '?0';
  switch (value.type) {
    case 'token':
      return value.value;
    case 'bytes':
      return `:${Buffer.from(value.value).toString('base64')}:`;
    case 'date':
      return `@${integerText(value.value)}`;
    case 'decimal':
      return decimalText(value.value);
    case 'display':
      return displayStringText(value.value);
  }
}

const printableAscii = /^[\x20-\x7e]*$/;
/** The same without what is escaped. */
const plainText = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const INTEGER_MAX = 999_999_999_999_999;
const DECIMAL_MAX = 999_999_999_999.999;

function stringText(value: string): string {
  if (plainText.test(value)) return `"${value}"`;
  if (!printableAscii.test(value)) {
    throw new SigningError('malformed_value', 'a string must be printable ASCII');
  }
  return `"${value.replaceAll(/["\\]/g, '\\$&')}"`;
}

function integerText(value: number): string {
  if (!Number.isInteger(value) || Math.abs(value) > INTEGER_MAX) {
    throw new SigningError('malformed_value', 'an integer must have at most 15 digits');
  }
  return String(value === 0 ? 0 : value);
}

function decimalText(value: number): string {
  if (!(Math.abs(value) <= DECIMAL_MAX)) {
    throw new SigningError('malformed_value', 'a decimal must have at most 12 integer digits');
  }
  const text = value.toFixed(3).replace(/0{1,2}$/, '');
  return Number(text) === 0 ? '0.0' : text;
}

function displayStringText(value: string): string {
  let text = '';
  for (const byte of Buffer.from(value)) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25 && byte !== 0x22;
    text += plain ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0')}`;
  }
  return `%"${text}"`;
}

function memberOfDictionaryText(key: string, member: Member): string {
  if (member.kind === 'item' && member.value === true)
    return key + parametersText(member.parameters);
  return `${key}=${memberText(member)}`;
}
