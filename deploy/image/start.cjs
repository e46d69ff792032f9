// What the image starts: keytender.cjs with the compiled code that the image build made beside it (warm.cjs), of every
// function that a start runs. V8 refuses compiled code of another version, with other flags or of a program of another
// length; of another program it is not found, because its name is the last line of the program, a hash of the rest.
// Then, and without the folder, the program is compiled as ever. Nothing is ever written here.
'use strict';
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');

const filename = `${__dirname}/keytender.cjs`;
const program = readFileSync(filename);
const codeCache = `${__dirname}/compile-cache/${program.latin1Slice(program.length - 65).trim()}`;

/** Its compiled code, or undefined. */
function compiledBefore() {
  try {
    return readFileSync(codeCache);
  } catch {
    return undefined;
  }
}

/** As Node.js wraps a module; in place of its first line, `#!`, so that lines keep their numbers. */
function wrapped() {
  const head = Buffer.from('(function (exports, require, module, __filename, __dirname) {');
  // one text of bytes outside of the heap: the program is ASCII (scripts/bundle.mjs)
  return Buffer.concat([
    head,
    program.subarray(program.indexOf('\n')),
    Buffer.from('})'),
  ]).latin1Slice();
}

const script = new Script(wrapped(), { filename, cachedData: compiledBefore() });
module.exports = { script, codeCache };
script.runInThisContext()({}, require, {}, filename, __dirname);
