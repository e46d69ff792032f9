// Commands of programs that are not here, as a page has them: recorded when they are pasted, and taken apart by the options
// that we know of these programs. One that we do not know is an error.
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Call {
  readonly name: string;
  readonly words: readonly string[];
  /** What it was given on standard input; null unless it was asked to read it. */
  readonly input: string | null;
}

/** Puts stand-ins into a folder that is on the path. The result reads what was called since it was last read. */
export function recordCommands(bin: string, names: readonly string[]): () => Call[] {
  const file = join(bin, 'calls.jsonl');
  const program = join(import.meta.dirname, 'recording-command.mjs');
  for (const name of names) {
    const script = `#!/bin/sh\nexec "${process.execPath}" "${program}" "${file}" ${name} "$@"\n`;
    writeFileSync(join(bin, name), script);
    chmodSync(join(bin, name), 0o755);
  }
  return () => {
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    writeFileSync(file, '');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Call);
  };
}

/** Options with a value, and those without. */
interface Options {
  readonly valued: readonly string[];
  readonly bare: readonly string[];
}

const options: Readonly<Record<string, Options>> = {
  'docker build': { valued: ['-f', '-t'], bare: [] },
  'docker run': {
    valued: ['-e', '-v', '-p', '--cap-drop', '--security-opt'],
    bare: ['--rm', '--read-only'],
  },
  'docker compose': { valued: ['-f'], bare: ['--build', '--detach'] },
  'kubectl create': { valued: ['--from-file'], bare: [] },
  'kubectl apply': { valued: ['-k', '-f'], bare: [] },
  'kubectl exec': { valued: ['-c'], bare: [] },
  'kubectl port-forward': { valued: [], bare: [] },
  'kubectl rollout': { valued: [], bare: [] },
  'kubectl describe': { valued: [], bare: [] },
  useradd: { valued: ['--shell'], bare: ['--system'] },
  'systemctl daemon-reload': { valued: [], bare: [] },
  'systemctl enable': { valued: [], bare: ['--now'] },
  'systemctl start': { valued: [], bare: [] },
  'systemctl restart': { valued: [], bare: [] },
  'systemctl reload': { valued: [], bare: [] },
  'systemctl status': { valued: [], bare: [] },
};

export interface Parsed {
  /** `docker run`, `systemctl start`; of a program without subcommands its name. */
  readonly command: string;
  readonly options: ReadonlyMap<string, readonly string[]>;
  /** What is no option, the subcommand left out; all that is behind `--` as it is. */
  readonly rest: readonly string[];
}

export function parseCommand(name: string, words: readonly string[]): Parsed {
  const command = name in options ? name : `${name} ${words[0] ?? ''}`;
  const known = options[command];
  if (known === undefined) throw new Error(`not a command that is known here: ${command}`);
  const found = new Map<string, string[]>();
  const rest: string[] = [];
  const waiting = words.slice(name in options ? 0 : 1);
  for (let word = waiting.shift(); word !== undefined; word = waiting.shift()) {
    const [, flag = word, value] = /^(--[a-z-]+)=(.*)$/.exec(word) ?? [];
    if (word === '--') rest.push(...waiting.splice(0));
    else if (known.valued.includes(flag)) {
      found.set(flag, [...(found.get(flag) ?? []), value ?? waiting.shift() ?? '']);
    } else if (known.bare.includes(flag)) found.set(flag, []);
    else if (word.startsWith('-')) throw new Error(`${command} ${word}: not an option known here`);
    else rest.push(word);
  }
  return { command, options: found, rest };
}
