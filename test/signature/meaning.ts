// What a message says, read a second time: with structured-headers and regular expressions, sharing no code with src/.
// Two messages mean the same when the text is equal.
import * as sf from 'structured-headers';

export type Line = [string, string];
export interface Message {
  method: string;
  url: string;
  /** 0 for a request. */
  status: number;
  headers: Line[];
  body: Buffer;
}

/** What a message says, as text; undefined when it is not well-formed. */
export function meaning(message: Message, request: Message): string | undefined {
  try {
    return read(message, request);
  } catch {
    return undefined;
  }
}

function read(message: Message, request: Message): string {
  const inputs = dictionary(message, 'signature-input');
  const macs = dictionary(message, 'signature');
  const tag = message.status === 0 ? 'keytender-service' : 'keytender-answer';
  const labels = [...inputs.keys()];
  if (labels.length !== macs.size || labels.length > 4) throw new Error('labels');
  const chosen = labels.filter((label) => {
    const member = inputs.get(label)!;
    const mac = macs.get(label)?.[0];
    if (!Array.isArray(member[0]) || !(mac instanceof ArrayBuffer)) throw new Error('types');
    return member[1].get('tag') === tag;
  });
  if (chosen.length !== 1) throw new Error('selection');
  const input = inputs.get(chosen[0]!) as sf.InnerList;
  const mac = macs.get(chosen[0]!)![0] as ArrayBuffer;
  const identifiers = input[0].map((item) => sf.serializeItem(item));
  if (new Set(identifiers).size !== identifiers.length) throw new Error('twice');
  const values = input[0].map(([name, parameters]) => {
    const isOfRequest = parameters.get('req') === true;
    return valueOf(String(name), isOfRequest ? request : message);
  });
  return JSON.stringify([
    sf.serializeInnerList(input),
    values,
    Buffer.from(mac).toString('hex'),
    message.body.toString('hex'),
  ]);
}

function dictionary(message: Message, name: string): sf.Dictionary {
  const text = fieldOf(message, name);
  if (!/^[\x20-\x7e\t]*$/.test(text)) throw new Error('not ASCII');
  const read = sf.parseDictionary(text);
  const bare = text.replaceAll(/"(?:\\.|[^"\\])*"/g, '');
  const written = bare.split(';').length - 1 + bare.split(',').length;
  let kept = read.size;
  for (const [value, parameters] of read.values()) {
    kept += parameters.size;
    if (Array.isArray(value)) for (const item of value as sf.Item[]) kept += item[1].size;
  }
  if (written !== kept || /created=-?\d{9,}\./.test(bare))
    throw new Error('duplicate, or a decimal');
  return read;
}

function fieldOf(message: Message, name: string): string {
  const lines = message.headers.filter(([one]) => one.toLowerCase() === name);
  if (lines.length === 0) throw new Error('absent');
  return lines
    .map(([, value]) =>
      value.replaceAll(/[ \t]*\r\n[ \t]+/g, ' ').replaceAll(/^[ \t]+|[ \t]+$/g, ''),
    )
    .join(', ');
}

function valueOf(name: string, message: Message): string {
  if (name === '@status') return String(message.status);
  if (!name.startsWith('@')) {
    const value = fieldOf(message, name);
    if (!/^[\x20-\x7e\t]*$/.test(value)) throw new Error('not ASCII');
    return value;
  }
  if (!/^[\x21-\x7e]+$/.test(message.url) || message.url.includes('\\')) throw new Error('target');
  const parts: readonly (string | undefined)[] | null =
    /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(\?[^#]*)?$/i.exec(message.url);
  const [, scheme = '', authority = '@', path, query] = parts ?? [];
  if (authority.includes('@')) throw new Error('authority');
  switch (name) {
    case '@method':
      return message.method;
    case '@path':
      return path || '/';
    case '@query':
      return query ?? '?';
    case '@authority': {
      const [, host, , port] = /^(\[[^\]]*\]|[^:]*)(:([0-9]*))?$/.exec(authority) ?? [];
      if (host === undefined) throw new Error('a second port');
      const usual = { http: 80, https: 443 }[scheme.toLowerCase()];
      const isUsual = port === undefined || port === '' || Number(port) === usual;
      return host.toLowerCase() + (isUsual ? '' : `:${Number(port)}`);
    }
    default:
      throw new Error('unknown');
  }
}
