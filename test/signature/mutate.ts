// Changes to a signed message: any byte of any part, case, white space, order and number of lines, labels,
// parameters and components, other spellings of one value.
import { below, chance, pick, shuffle } from './chance.js';
import type { Line, Message } from './meaning.js';

export function mutate(original: Message): Message {
  let message: Message = {
    ...original,
    headers: original.headers.map(([name, value]) => [name, value]),
  };
  const times = chance(0.8) ? 1 : 2;
  for (let i = 0; i < times; i += 1) message = pick(operations)(message);
  return message;
}

const onHeader =
  (change: (line: Line) => Line[]) =>
  (message: Message): Message => {
    const at = below(message.headers.length);
    const headers = message.headers.flatMap((line, i) => (i === at ? change(line) : [line]));
    return { ...message, headers };
  };
const onSignature =
  (change: (line: Line) => Line[]) =>
  (message: Message): Message => {
    const at = message.headers.findIndex(
      ([name]) => name.toLowerCase() === pick(['signature-input', 'signature-input', 'signature']),
    );
    const headers = message.headers.flatMap((line, i) => (i === at ? change(line) : [line]));
    return { ...message, headers };
  };

const operations: ((message: Message) => Message)[] = [
  // any byte of any part
  (message) => ({ ...message, method: touch(message.method) }),
  (message) => ({ ...message, url: touch(message.url) }),
  (message) => ({ ...message, url: touch(message.url) }),
  (message) => ({
    ...message,
    status: message.status === 0 || chance(0.5) ? message.status : message.status + 1,
  }),
  (message) => ({
    ...message,
    body: Buffer.from(touch(message.body.toString('latin1')), 'latin1'),
  }),
  onHeader(([name, value]) => [[name, touch(value)]]),
  onHeader(([name, value]) => [[touch(name), value]]),
  onSignature(([name, value]) => [[name, touch(value)]]),
  onSignature(([name, value]) => [[name, touch(value)]]),
  // case
  (message) => ({ ...message, url: message.url.replace(/\/\/[^/]*/, flipCase) }),
  (message) => ({ ...message, url: flipCase(message.url) }),
  onHeader(([name, value]) => [[flipCase(name), value]]),
  onHeader(([name, value]) => [[name, flipCase(value)]]),
  // default ports
  (message) => ({
    ...message,
    url: message.url.replace(
      /^(https:\/\/[^/:]+)\//,
      (_, host: string) => `${host}${pick([':443', ':', ':0443', ':80'])}/`,
    ),
  }),
  // white space
  onHeader(([name, value]) => [
    [name, `${pick(['', ' ', '\t', '  '])}${value}${pick(['', ' ', ' \t'])}`],
  ]),
  onHeader(([name, value]) => [[name, value.replace(', ', pick([',', ' ,  ', ',\t', ',\r\n  ']))]]),
  onSignature(([name, value]) => [[name, spaced(value)]]),
  onSignature(([name, value]) => [[name, spaced(value)]]),
  // order and number of lines
  (message) => ({ ...message, headers: shuffle(message.headers) }),
  (message) => ({ ...message, headers: sortByName(message.headers) }),
  onHeader((line) => [line, line]),
  onHeader(() => []),
  onHeader((line) => [line, ['X-Unrelated', 'é']]),
  onHeader(([name, value]) => value.split(/, ?/).map((part): Line => [name, part])),
  // order and number of parameters and components
  onSignature(([name, value]) => [[name, reordered(value, ';')]]),
  onSignature(([name, value]) => [[name, reordered(value, ' ')]]),
  onSignature(([name, value]) => [[name, repeated(value, ';')]]),
  onSignature(([name, value]) => [[name, repeated(value, ' ')]]),
  onSignature(([name, value]) => [[name, repeated(value, ', ')]]),
  onSignature(([name, value]) => [[name, reordered(value, ', ')]]),
  // another label, in both fields
  (message) => ({
    ...message,
    headers: message.headers.map(([name, value]): Line => [
      name,
      /^signature/i.test(name) ? value.replace('keytender=', 'l4bel=') : value,
    ]),
  }),
  // another spelling of the same value
  onSignature(([name, value]) => [
    [name, value.replace(/created=/, pick(['created=0', 'created=00']))],
  ]),
  onSignature(([name, value]) => [[name, value.replace(/=:,|=:$/, ':')]]),
  onSignature(([name, value]) => [
    [name, value.replace(/;created=\d+/, (text) => text + pick(['.0', ';x', ';x=?1', ';created']))],
  ]),
];

const letters = Array.from('abcxyzABCXYZ0123456789"\\();=,:?@%.-_*/&#!~ \t\r\n\u0000\u007fé\u212a');

/** One character put in, taken away, replaced or exchanged with its neighbour. */
function touch(text: string): string {
  const at = below(text.length + 1);
  const [head, tail] = [text.slice(0, at), text.slice(at)];
  switch (below(4)) {
    case 0:
      return head + pick(letters) + tail;
    case 1:
      return head + tail.slice(1);
    case 2:
      return head + pick(letters) + tail.slice(1);
    default:
      return head + tail.slice(1, 2) + tail.slice(0, 1) + tail.slice(2);
  }
}

export function noise(text: string): string {
  let result = text;
  for (let i = below(30); i >= 0; i -= 1) result = touch(result);
  return result;
}

function flipCase(text: string): string {
  const at = below(text.length);
  const letter = text.charAt(at);
  const flipped = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
  return text.slice(0, at) + flipped + text.slice(at + 1);
}

/** A space or two behind a parenthesis, a semicolon, or between components: anywhere they might be forgiven. */
function spaced(value: string): string {
  const places = [...value.matchAll(/[();, ]/g)].map(({ index }) => index);
  if (places.length === 0) return value;
  const at = pick(places) + below(2);
  return value.slice(0, at) + pick([' ', '  ', '\t']) + value.slice(at);
}

function reordered(value: string, separator: string): string {
  return shuffle(value.split(separator)).join(separator);
}

function repeated(value: string, separator: string): string {
  const parts = value.split(separator);
  const part = pick(parts);
  return [...parts, part].join(separator);
}

function sortByName(lines: readonly Line[]): Line[] {
  return [...lines].sort(([a], [b]) =>
    a.toLowerCase() < b.toLowerCase() ? -1 : a.toLowerCase() > b.toLowerCase() ? 1 : 0,
  );
}
