// The parser is held to the package structured-headers over generated fields: same result, same refusal. Where they
// may differ is written down: duplicate keys (ours refuses), and two slips of that package.
import fc from 'fast-check';
import * as sf from 'structured-headers';
import t from 'tap';
import {
  bareItemText,
  dictionaryText,
  itemText,
  listText,
  memberText,
} from '../../src/signature/structured-field-text.js';
import { parseDictionary, parseItem, parseList } from '../../src/signature/structured-field.js';
import type {
  BareItem,
  Dictionary,
  Member,
  Parameters,
} from '../../src/signature/structured-field.js';

const RUNS = process.env['KEYTENDER_TEST_FULL'] === '1' ? 1_000_000 : 60_000;

/** It refuses what follows a date within a field, and holds dates in a `Date`, which ends with the year 275760. */
const itsSlips = /whitespace or EOL|Invalid time value/;

// -- generated fields: pieces in any order, and well-formed fields with a character changed

const key = fc.constantFrom(
  'a',
  'b',
  'sig1',
  '*x',
  'key-1.2_3*',
  'created',
  'nonce',
  'c',
  'd',
  'e',
);
const goodBare = fc.constantFrom(
  ...['1', '-1', '0', '-0', '007', '999999999999999', '1.5', '-0.0', '1.000', '123456789012.123'],
  ...['?0', '?1', 'token', '*', 'a/b:c', 'T%', '"text"', '"@method"', '""', '"a\\"b\\\\"'],
  ...[':AAEC:', '::', ':AA==:', ':AA:', ':/+8=:', '%"f%c3%bc"', '%"x"'],
);
const badBare = fc.constantFrom(
  ...[
    '1000000000000000',
    '1234567890123.1',
    '1.',
    '1.1234',
    '"\\x"',
    ':A:',
    ':AB=:',
    ':A===:',
    ':a b:',
  ],
  ...['@1659578233', '@-1', '%"%GG"', '%"%C3%BC"', '?2', '-', '"'],
);
const bare = fc.oneof({ weight: 40, arbitrary: goodBare }, { weight: 1, arbitrary: badBare });
const space = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom('', ' ') },
  { weight: 1, arbitrary: fc.constantFrom('  ', '\t', ' \t ') },
);
const parameters = fc
  .array(fc.tuple(space, key, fc.option(bare, { nil: undefined })), { maxLength: 3 })
  .map((all) =>
    all
      .map(([pad, name, value]) => `;${pad}${name}${value === undefined ? '' : `=${value}`}`)
      .join(''),
  );
const item = fc.tuple(bare, parameters).map((parts) => parts.join(''));
const innerList = fc
  .tuple(fc.array(item, { maxLength: 4 }), space, space, parameters)
  .map(([items, pad, gap, suffix]) => `(${pad}${items.join(gap || ' ')}${pad})${suffix}`);
const member = fc.oneof(item, innerList);
const comma = fc.tuple(space, space).map(([before, after]) => `${before},${after}`);
const joined = <T>(one: fc.Arbitrary<T>, text: (value: T) => string) =>
  fc
    .tuple(space, fc.array(fc.tuple(one, comma), { maxLength: 4 }), space)
    .map(
      ([head, all, tail]) =>
        head +
        all.map(([value, gap], at) => text(value) + (at + 1 < all.length ? gap : '')).join('') +
        tail,
    );
const list = joined(member, (value) => value);
const dictionary = joined(
  fc.tuple(key, fc.option(member, { nil: undefined }), parameters),
  ([name, value, suffix]) => (value === undefined ? name + suffix : `${name}=${value}`),
);
const pieces = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '"',
        '\\',
        '(',
        ')',
        ';',
        '=',
        ',',
        ' ',
        '\t',
        ':',
        '?',
        '@',
        '%',
        '-',
        '.',
        '1',
        'a',
        'A',
        '*',
        '\u0000',
        '~',
        '\u007f',
      ),
      key,
      bare,
    ),
    { maxLength: 12 },
  )
  .map((all) => all.join(''));
const touched = (field: fc.Arbitrary<string>) =>
  fc
    .tuple(
      field,
      fc.nat(),
      fc.constantFrom('', ' ', '"', ')', '(', ';', ',', '=', 'x', '0', ':', '\t'),
    )
    .map(([text, at, character]) => {
      const place = text.length === 0 ? 0 : at % text.length;
      return text.slice(0, place) + character + text.slice(place + 1);
    });

const kinds = {
  dictionary: {
    ours: parseDictionary,
    theirs: sf.parseDictionary,
    field: dictionary,
    text: dictionaryText,
  },
  list: { ours: parseList, theirs: sf.parseList, field: list, text: listText },
  item: { ours: parseItem, theirs: sf.parseItem, field: item, text: itemText },
} as const;

t.test('a field is read as structured-headers reads it, or refused by both', async (t) => {
  const counts = { accepted: 0, refused: 0, duplicates: 0, set_aside: 0 };
  for (const [kind, { ours, theirs, field }] of Object.entries(kinds)) {
    const fields = fc.oneof(field, touched(field), pieces);
    fc.assert(
      fc.property(fields, (text) => {
        const mine = ours(text);
        const reference = readWith(theirs, text);
        if (reference === 'its slip') counts.set_aside += 1;
        else if (reference === undefined) {
          counts.refused += 1;
          if (mine !== undefined) throw new Error('accepted what structured-headers refuses');
        } else if (mine === undefined) {
          counts.duplicates += 1;
          const found =
            keysIn(reference) +
            (kind === 'dictionary' ? Object.keys(reference as object).length : 0);
          if (keysWritten(text, kind) <= found) throw new Error('refused, and no key occurs twice');
        } else {
          counts.accepted += 1;
          if (JSON.stringify(canonical(mine)) !== JSON.stringify(reference))
            throw new Error('read otherwise');
        }
      }),
      { numRuns: RUNS },
    );
  }
  t.comment(counts);
  t.ok(counts.accepted + counts.refused + counts.duplicates >= 100_000);
  t.ok(
    counts.accepted > 20_000 && counts.refused > 20_000 && counts.duplicates > 500,
    'each outcome was tried',
  );
});

t.test(
  'the strict text of a field reads back as the same, and is its own strict text',
  async (t) => {
    fc.assert(
      fc.property(dictionary, (text) => {
        const read = parseDictionary(text);
        if (read === undefined) return;
        const strict = dictionaryText(read);
        const again = parseDictionary(strict);
        if (again === undefined || dictionaryText(again) !== strict)
          throw new Error(`not stable: ${strict}`);
        if (JSON.stringify(canonical(again)) !== JSON.stringify(canonical(read)))
          throw new Error('changed');
      }),
      { numRuns: RUNS / 4 },
    );
    t.pass();
  },
);

t.test('the text kept of an inner list is its strict text', async (t) => {
  let kept = 0;
  fc.assert(
    fc.property(innerList, (text) => {
      for (const one of parseDictionary(`a=${text}`)?.values() ?? []) {
        if (one.kind !== 'inner-list' || one.text === undefined) continue;
        kept += 1;
        if (one.text !== memberText(one)) throw new Error(`${one.text} is ${memberText(one)}`);
      }
    }),
    { numRuns: RUNS / 4 },
  );
  t.ok(kept > 500, `${kept} kept`);
});

t.test(
  'a list that was met before is read as it was at first, whatever its strings hold',
  async (t) => {
    const lists = ['("a")', '("a" "b")', '("a)" "b")', '("a)b")', '("a" )', '()', '("a";x)', '("a'];
    const read = (text: string) => {
      const field = parseDictionary(`s=${text};created=1`);
      return field && JSON.stringify(canonical(field));
    };
    const reference = lists.map((text) => {
      const field = readWith(sf.parseDictionary, `s=${text};created=1`);
      return field === undefined ? undefined : JSON.stringify(field);
    });
    for (const order of [lists, lists.toReversed(), lists]) {
      for (const text of order) t.equal(read(text), reference[lists.indexOf(text)], text);
    }
    for (let other = 0; other < 200; other += 1) parseDictionary(`s=("other-${other}")`);
    for (const text of lists)
      t.equal(read(text), reference[lists.indexOf(text)], `${text}, forgotten`);
  },
);

t.test('what the reference package slips on is read by the RFC', async (t) => {
  t.same(parseItem('@1659578233;a'), {
    kind: 'item',
    value: { type: 'date', value: 1659578233 },
    parameters: new Map([['a', true]]),
  });
  t.match(parseDictionary('a=@1, b=@-2')?.get('b'), { value: { type: 'date', value: -2 } });
  t.equal(parseItem('@1.5'), undefined);
  t.equal(parseItem('@'), undefined);
  t.equal(parseItem('%"\u20ac"'), undefined, 'a display string is ASCII');
  t.match(parseItem('%"This is intended for display to %c3%bcsers."'), {
    value: { type: 'display', value: 'This is intended for display to üsers.' },
  });
  t.equal(parseItem('%"%ff"'), undefined);
  t.equal(parseItem('%"open'), undefined);
  t.equal(parseItem('%x'), undefined);
});

t.test('characters beyond ASCII are refused wherever they stand', async (t) => {
  for (const text of [
    'é',
    '"é"',
    'a=é',
    'aé',
    'a="b";é',
    '(é)',
    ':é:',
    '"\\é"',
    '%"é"',
    '\u0131=1',
    'a=(\u00a0"b")',
  ]) {
    t.equal(parseDictionary(text), undefined, text);
    t.equal(parseList(text), undefined, text);
    t.equal(parseItem(text), undefined, text);
  }
});

t.test('a duplicate label or parameter is refused', async (t) => {
  for (const text of [
    'a=1, a=2',
    'a, b, a',
    'a;x;x',
    'a=1;x=1;x=2',
    'a=("b";y;y)',
    'a=("b");z=1;z=1',
  ]) {
    t.equal(parseDictionary(text), undefined, text);
  }
  t.ok(parseDictionary('a=("b";x "c";x);x, b;x'), 'of different owners they are none');
});

t.test('the strict text of every kind of value', async (t) => {
  const texts: [BareItem, string][] = [
    [5, '5'],
    [-0, '0'],
    [-5, '-5'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    [true, '?1'],
    [false, '?0'],
    [{ type: 'decimal', value: 1 }, '1.0'],
    [{ type: 'decimal', value: -0 }, '0.0'],
    [{ type: 'decimal', value: 1.25 }, '1.25'],
    [{ type: 'decimal', value: 10.5 }, '10.5'],
    [{ type: 'decimal', value: 100 }, '100.0'],
    [{ type: 'token', value: 'a/b' }, 'a/b'],
    [{ type: 'bytes', value: Uint8Array.of(0, 255) }, ':AP8=:'],
    [{ type: 'date', value: -3 }, '@-3'],
    [{ type: 'display', value: 'ü "%' }, '%"%c3%bc %22%25"'],
  ];
  for (const [value, text] of texts) t.equal(bareItemText(value), text);
  for (const value of [
    'é',
    'a\nb',
    1.5,
    1e15,
    Number.NaN,
    { type: 'decimal', value: 1e12 },
  ] as BareItem[]) {
    t.throws(() => bareItemText(value), { code: 'malformed_value' });
  }
});

/** Their result as plain data; undefined when refused, 'its slip' where the package is known to be wrong. */
function readWith(parse: (text: string) => unknown, text: string): unknown {
  try {
    return plain(parse(text));
  } catch (error) {
    return itsSlips.test(String(error)) ? 'its slip' : undefined;
  }
}

function plain(value: unknown): unknown {
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([name, one]) => [name, plain(one)]));
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof ArrayBuffer) return `bytes ${Buffer.from(value).toString('hex')}`;
  if (value instanceof sf.Token) return `token ${value.toString()}`;
  if (value instanceof sf.DisplayString) return `display ${value.toString()}`;
  if (value instanceof Date) return `date ${value.toISOString() && value.getTime() / 1000}`;
  return typeof value === 'string' ? `string ${value}` : value === 0 ? 0 : value;
}

/** Ours in the same plain form. */
function canonical(value: Dictionary | readonly Member[] | Member): unknown {
  if (value instanceof Map)
    return Object.fromEntries(
      [...(value as Dictionary)].map(([name, one]) => [name, canonical(one)]),
    );
  if (Array.isArray(value)) return (value as Member[]).map(canonical);
  const one = value as Member;
  if (one.kind === 'item') return [bareValue(one.value), parametersOf(one.parameters)];
  return [
    one.items.map((inner) => [bareValue(inner.value), parametersOf(inner.parameters)]),
    parametersOf(one.parameters),
  ];
}

function parametersOf(all: Parameters): unknown {
  return Object.fromEntries([...all].map(([name, value]) => [name, bareValue(value)]));
}

function bareValue(value: BareItem): unknown {
  if (typeof value === 'string') return `string ${value}`;
  if (typeof value !== 'object') return value;
  if (value.type === 'decimal') return value.value === 0 ? 0 : value.value;
  if (value.type === 'bytes') return `bytes ${Buffer.from(value.value).toString('hex')}`;
  return `${value.type} ${value.value}`;
}

/** Keys of parameters in their plain result. */
function keysIn(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, one) => sum + keysIn(one), 0);
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce(
    (sum: number, one) => sum + (Array.isArray(one) ? keysIn(one) : 1),
    0,
  );
}

/** Keys as they stand in a well-formed field: one behind each semicolon, one for each member of a dictionary. */
function keysWritten(text: string, kind: string): number {
  const bareText = text.replaceAll(/"(?:\\.|[^"\\])*"/g, '');
  const count = (character: string) => bareText.split(character).length - 1;
  return count(';') + (kind === 'dictionary' ? count(',') + 1 : 0);
}
