import t from 'tap';
import type { ReadOptions, SecretReader } from '../../src/refresh/reader.js';
import type { Kv2Reader, Kv2ReadOptions } from '../../src/vault/kv2-reader.js';

// peers do not import each other: that they fit is held here, by the compiler
type Fits<A extends B, B> = A;
export type ReaderFits = Fits<Kv2Reader, SecretReader>;
export type OptionsFit = Fits<ReadOptions, Kv2ReadOptions>;

t.test('a reader of this client is what the refresh loop reads with', async (t) => {
  t.pass('held by the type check');
});
