// Parts of Node that the bundle's modules ask for as they load, and use later or never: loaded when something of them
// is used. The rest of Node's modules are there anyway once node:http and node:crypto are.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** Each with what it saves where nothing uses it. */
export const deferrals = new Map([
  ['https', 'TLS, where neither Vault nor the listener speaks it'],
  ['tls', 'as https'],
  ['worker_threads', 'nothing here starts a thread'],
  ['fs/promises', 'files are read where settings name some'],
  ['perf_hooks', 'only a scrape asks how busy the event loop is'],
  ['child_process', 'only sinks that run a command start one'],
  ['readline', 'nothing here asks a person'],
]);

/** Of these only functions are used, which may be taken out of the module long before one is called. */
const functions = new Set(['fs/promises']);

/**
 * A module object whose properties are those of the real one, which is loaded when the first is read; of `functions`,
 * when the first is called.
 */
function later(name) {
  const names = Object.keys(require(`node:${name}`)).filter((key) => /^[A-Za-z_]\w*$/.test(key));
  const property = functions.has(name)
    ? 'value: (...args) => load()[key](...args)'
    : 'get: () => load()[key]';
  return `
let loaded;
const load = () => (loaded ??= require('node:${name}'));
for (const key of ${JSON.stringify(names)}) {
  Object.defineProperty(module.exports, key, { enumerable: true, ${property} });
}`;
}

/** The esbuild plugin. */
export function defer() {
  return {
    name: 'defer',
    setup(build) {
      const filter = new RegExp(`^(node:)?(${[...deferrals.keys()].join('|')})$`);
      build.onResolve({ filter }, ({ path, namespace }) =>
        namespace === 'deferred'
          ? { path, external: true }
          : { path: path.replace(/^node:/, ''), namespace: 'deferred' },
      );
      build.onLoad({ filter: /.*/, namespace: 'deferred' }, ({ path }) => ({
        contents: later(path),
        loader: 'js',
      }));
    },
  };
}
