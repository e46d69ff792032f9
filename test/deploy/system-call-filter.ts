// `SystemCallFilter=` of a unit as the program that the kernel runs (seccomp(2), systemd.exec(5)): which system calls are let
// through; any other fails with EPERM, as `SystemCallErrorNumber=` has it. Of 64-bit x86; groups are systemd's own.
import { readFileSync } from 'node:fs';
import { tool } from './tool.js';

export const NUMBERS = '/usr/include/x86_64-linux-gnu/asm/unistd_64.h';

const LOAD = 0x20;
const EQUAL = 0x15;
const AND = 0x45;
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
const EPERM = 0x00050001;
const PROT_EXEC = 4;
/** Where the number and the low half of the third argument are in what the kernel hands over. */
const NUMBER_AT = 0;
const THIRD_AT = 32;

function membersOf(group: string): readonly string[] {
  const lines = tool('systemd-analyze', ['syscall-filter', group]).split('\n').slice(1);
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .flatMap((name) => (name.startsWith('@') ? membersOf(name) : [name]));
}

/** The names that a unit's lines let through, in their order: `~` takes away. */
export function allowedCalls(lines: readonly string[]): ReadonlySet<string> {
  const allowed = new Set(membersOf('@default'));
  for (const line of lines) {
    const isTaking = line.startsWith('~');
    const words = line.replace(/^~/, '').split(/\s+/);
    for (const name of words.flatMap((it) => (it.startsWith('@') ? membersOf(it) : [it]))) {
      if (isTaking) allowed.delete(name);
      else allowed.add(name);
    }
  }
  return allowed;
}

function instruction(code: number, k: number, ifTrue = 0, ifFalse = 0): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(ifTrue, 2);
  bytes.writeUInt8(ifFalse, 3);
  bytes.writeUInt32LE(k, 4);
  return bytes;
}

/** With `deniesExecutable` memory cannot be made executable later: `MemoryDenyWriteExecute=yes`. */
export function filterProgram(allowed: ReadonlySet<string>, deniesExecutable = false): Buffer {
  const numbers = new Map(
    [...readFileSync(NUMBERS, 'utf8').matchAll(/#define __NR_(\w+) (\d+)/g)].map(
      ([, name = '', number]) => [name, Number(number)] as const,
    ),
  );
  const allow = [...allowed].flatMap((name) => {
    const number = numbers.get(name);
    return number === undefined
      ? []
      : [instruction(EQUAL, number, 0, 1), instruction(RETURN, ALLOW)];
  });
  const deny = [
    instruction(EQUAL, numbers.get('mprotect') ?? 0, 0, 3),
    instruction(LOAD, THIRD_AT),
    instruction(AND, PROT_EXEC, 0, 1),
    instruction(RETURN, EPERM),
    instruction(LOAD, NUMBER_AT),
  ];
  return Buffer.concat([
    instruction(LOAD, NUMBER_AT),
    ...(deniesExecutable ? deny : []),
    ...allow,
    instruction(RETURN, EPERM),
  ]);
}
