// What the bundle leaves out of its dependencies: parts that would be loaded at every start and are never used here.
// Each entry says why. A left-out part may be asked for (that is how it is found); calling it throws, by name.
import { builtinModules, createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** Throws when called, at whatever depth: `x()`, `x.y()`, `new x.Y()`. */
const throwing = (name) => `
const refuse = function () { throw new Error(${JSON.stringify(`${name} is left out of this build (scripts/omissions.mjs)`)}); };
module.exports = new Proxy(refuse, {
  get: (target, key) => typeof key === 'symbol' || key in target ? target[key] : key === '__esModule' ? false : refuse,
});`;

/** A factory is called at start, and what it makes never is. */
const throwingFactory = (name) => `${throwing(name)}
const product = module.exports;
module.exports = () => product;`;

/**
 * `module`: as it is asked for, or the end of the file's path. `by`: only when asked for by files whose path has this.
 * `instead`: what is loaded in its place.
 */
export const omissions = [
  {
    module: 'axios',
    instead: throwing,
    why: 'node-vault loads it, but the transport is ours (undici)',
  },
  {
    module: 'debug',
    by: 'node_modules/node-vault/',
    instead: () => 'module.exports = () => () => {};',
    why: 'node-vault prints requests with their secrets through it',
  },
  {
    module: 'tv4',
    by: 'node_modules/node-vault/',
    instead: throwing,
    why: 'node-vault checks its own options with it, which are typed here',
  },
  {
    module: 'mustache',
    by: 'node_modules/node-vault/',
    instead: throwing,
    why: 'for the paths of its ready-made commands, as the next',
  },
  {
    module: './commands.js',
    by: 'node_modules/node-vault/',
    instead: () => 'module.exports = {};',
    why: 'some 100 ready-made commands; only its request() is used',
  },
  {
    module: 'https',
    by: 'node_modules/node-vault/',
    instead: throwing,
    why: 'for axios; node:https brings TLS with it',
  },
  {
    module: './client-h2.js',
    by: 'node_modules/undici/',
    instead: throwing,
    why: 'HTTP/2 to Vault is off, and node:http2 costs a start',
  },
  {
    module: '../web/fetch/body.js',
    by: 'node_modules/undici/',
    instead: throwing,
    why: 'only for bodies that are FormData, Blob or iterable',
  },
  {
    module: '../llhttp/constants.js',
    by: 'node_modules/undici/',
    instead: () => {
      const { ERROR, TYPE } = require('undici/lib/llhttp/constants.js');
      return `module.exports = ${JSON.stringify({ ERROR, TYPE })};`;
    },
    why: 'tables of characters, methods and statuses, 2 ms of a start, beside the two that are used',
  },
  {
    module: 'node:http2',
    by: 'node_modules/fastify/',
    instead: throwing,
    why: 'the listeners speak HTTP/1.1',
  },
  {
    module: '@fastify/ajv-compiler',
    instead: throwingFactory,
    why: 'requests are checked with TypeBox; ajv compiles code',
  },
  {
    module: '@fastify/fast-json-stringify-compiler',
    instead: throwingFactory,
    why: 'answers are serialized with JSON.stringify; this one compiles code',
  },
  {
    module: 'light-my-request',
    instead: throwing,
    why: 'for tests that call inject()',
  },
  {
    module: '@fastify/proxy-addr',
    instead: throwing,
    why: 'X-Forwarded-* is never trusted',
  },
  {
    module: 'semver',
    by: 'node_modules/fastify/',
    instead: throwing,
    why: 'for plugins that demand a version of Fastify',
  },
  {
    module: './lib/transport',
    by: 'node_modules/pino/pino.js',
    instead: throwing,
    why: 'as the next',
  },
  {
    module: './transport',
    by: 'node_modules/pino/lib/tools.js',
    instead: throwing,
    why: 'logs are written by the process itself, not by a worker thread',
  },
  {
    module: 'worker_threads',
    by: 'node_modules/pino/lib/tools.js',
    instead: () => 'module.exports = { isMainThread: true };',
    why: 'one constant, for which it would load them',
  },
  {
    module: 'typebox/type',
    instead: () => `export * from './scripts/plain-schemas.mjs';`,
    why: 'schemas are data here, and the library is 500 modules',
  },
  {
    module: 'node:assert',
    by: 'node_modules/',
    // what holds needs no words: the module is there for what does not
    instead: () =>
      `module.exports = (holds, ...rest) => { if (!holds) require('node:assert')(holds, ...rest); };`,
    why: 'dependencies make sure of things at each request, and it costs 2 ms of a start',
  },
  {
    module: 'node:perf_hooks',
    by: 'node_modules/fastify/',
    instead: () => `
exports.performance = {
  now() {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1000 + nanoseconds / 1e6;
  },
};`,
    why: 'how long an answer took, for which it would load timelines and histograms',
  },
  {
    module: 'sonic-boom',
    by: 'node_modules/pino/',
    instead: throwing,
    why: 'pino is given where to write, and never opens a file',
  },
  {
    module: 'safe-regex2',
    by: 'node_modules/find-my-way/',
    instead: () => 'module.exports = () => true;',
    why: 'for routes with regular expressions of their own, of which there are none',
  },
];

/** Entry points that load much more than is used: the build refuses them and names what to import. */
const refusals = {
  undici: 'import undici/lib/dispatcher/pool.js',
  'prom-client': 'import prom-client/lib/registry.js, counter.js, gauge.js, histogram.js',
};

/** The esbuild plugin, and afterwards which omissions nothing asked for. */
export function omit() {
  const used = new Set();
  const plugin = {
    name: 'omit',
    setup(build) {
      build.onResolve({ filter: /.*/ }, ({ path, importer, namespace }) => {
        if (path in refusals) return { errors: [{ text: `not '${path}': ${refusals[path]}` }] };
        const found = omissions.find(
          ({ module, by }) => module === path && (by === undefined || importer.includes(by)),
        );
        if (found === undefined || namespace === 'omitted') return undefined;
        used.add(found);
        return { path, namespace: 'omitted', pluginData: found };
      });
      build.onLoad({ filter: /.*/, namespace: 'omitted' }, ({ path, pluginData }) => ({
        contents: pluginData.instead(path),
        loader: 'js',
        resolveDir: build.initialOptions.absWorkingDir,
      }));
    },
  };
  const unused = () =>
    omissions.filter((omission) => !used.has(omission)).map(({ module }) => module);
  return { plugin, unused };
}

/** Whether a `require` that stayed in the bundle is of Node's own. */
export function isBuiltin(path) {
  return builtinModules.includes(path.replace(/^node:/, ''));
}
