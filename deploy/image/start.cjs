// What the image starts: keytender.cjs with the compiled code that the image build made beside it (warm.cjs), of every
// function that a start runs. V8 refuses compiled code of another version, with other flags or of a program of another
// length; of another program it is not found, because its name is the last line of the program, a hash of the rest.
// Then, and without the folder, the program is compiled as ever. Nothing is ever written here.
'use strict';
const { closeSync, fstatSync, openSync, readFileSync, readSync } = require('node:fs');
const { Script } = require('node:vm');

const filename = `${__dirname}/keytender.cjs`;
const HEAD = '(function (exports, require, module, __filename, __dirname) {';
const TAIL = '})';

/** The bytes of the program, with room before and behind. */
function read() {
  const file = openSync(filename, 'r');
  const { size } = fstatSync(file);
  const bytes = Buffer.allocUnsafeSlow(HEAD.length + size + TAIL.length);
  readSync(file, bytes, HEAD.length, size, 0);
  closeSync(file);
  return bytes;
}

/** Its compiled code, or undefined. */
function compiledBefore() {
  try {
    return readFileSync(codeCache);
  } catch {
    return undefined;
  }
}

/** As Node.js wraps a module; over its first line, `#!`, so that lines keep their numbers. One copy, as few as can be. */
function wrapped() {
  const start = program.indexOf('\n', HEAD.length) - HEAD.length;
  program.latin1Write(HEAD, start);
  program.latin1Write(TAIL, program.length - TAIL.length);
  // a text of bytes: the program is ASCII (scripts/bundle.mjs)
  return program.latin1Slice(start);
}

const program = read();
const hash = program.latin1Slice(program.length - TAIL.length - 65).slice(0, 64);
const codeCache = `${__dirname}/compile-cache/${hash}`;
const script = new Script(wrapped(), { filename, cachedData: compiledBefore() });
module.exports = { script, codeCache };
script.runInThisContext()({}, require, {}, filename, __dirname);
