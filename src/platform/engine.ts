// V8, set for a process that has little to compute and all day to do it in.
import { setFlagsFromString } from 'node:v8';

/**
 * WebAssembly is compiled once, by the quick compiler. The optimizing one takes about 15 MB that are never given back,
 * for the parser of a few answers a minute (undici's, of Vault's). To be called before the first of it is compiled and
 * no sooner: under other flags than it was built with Node.js compiles each of its own modules from source, 15 ms for
 * those of a start. The flags imply each other on a command line alone, so all are set.
 */
export function saveWasmMemory(): void {
  setFlagsFromString('--liftoff-only');
  setFlagsFromString('--no-wasm-tier-up');
  setFlagsFromString('--no-wasm-dynamic-tiering');
}
