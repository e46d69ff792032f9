// The shapes of settings, against TypeBox's own checker of JSON Schema.
import fc from 'fast-check';
import t from 'tap';
import { Check } from 'typebox/schema';
import * as Type from 'typebox/type';
import { settings, sinkSettings, tokenSettings } from '../../src/config/settings.js';
import { hasShape } from '../../src/config/shape.js';

const rows = Object.entries({ ...settings, ...tokenSettings, ...sinkSettings });

/** What a settings file can hold, with what is close to being right more often than by chance. */
const near = fc.constantFrom<unknown>(
  ...['', 'true', 'OFF', '60', '60s', '5m ', '1.5', '-1', '0600', '660', '1e3', 'info', 'a\nb'],
  ...['accept', 'pretty', 'vault', '1234567890123456', '٣', '9ms', '9\n', '0x10'],
  ...[0, 1, -0, -1, 1.5, 2 ** 53, 1e21, Number.NaN, Infinity, true, false, null, undefined],
  ...[[], [''], ['a', 'b'], ['a', 1], [['a']], new Array<string>(256).fill('a')],
  ...[new Array<string>(257).fill('a'), new Array<string>(2), {}, { length: 1 }, '[]'],
);
const written = fc.oneof(near, fc.array(near, { maxLength: 3 }), fc.anything(), fc.string());

t.test('a setting takes what its schema says, and nothing else', async (t) => {
  for (const [key, { schema }] of rows) {
    fc.assert(
      fc.property(written, (value) => hasShape(schema, value) === Check(schema, value)),
      { numRuns: 60 },
    );
    t.pass(key);
  }
});

t.test('a word of JSON Schema that it does not know is a bug, not a shape', async (t) => {
  t.throws(() => hasShape(Type.String({ minLength: 1 }), 'a'), /'minLength'/);
  t.throws(() => hasShape(Type.Object({}), {}), /'properties'/);
  t.throws(() => hasShape(Type.Array(Type.Number({ maximum: 1 })), [1]), /'maximum'/);
  t.throws(() => hasShape({ type: 'number' }, 1), /'number'/);
});
