// A Dockerfile as data: its stages and their instructions, as the reference of the format has them (continuation lines,
// comments, flags, both forms of a command). Only what ours uses; anything else is an error, never ignored.

export interface Instruction {
  readonly name: string;
  readonly flags: Readonly<Record<string, string>>;
  /** Without the flags. */
  readonly text: string;
  /** Words of the text, or the elements of its JSON form. */
  readonly words: readonly string[];
}

export interface Stage {
  readonly base: string;
  readonly name: string | null;
  readonly instructions: readonly Instruction[];
}

const known = new Set(
  'ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL RUN USER WORKDIR'.split(' '),
);

export function parseDockerfile(text: string): readonly Stage[] {
  const stages: { base: string; name: string | null; instructions: Instruction[] }[] = [];
  for (const instruction of instructionsOf(text)) {
    if (instruction.name !== 'FROM') {
      const stage = stages.at(-1);
      if (stage === undefined) throw new Error(`before any FROM: ${instruction.text}`);
      stage.instructions.push(instruction);
      continue;
    }
    const [base = '', as, name] = instruction.words;
    stages.push({
      base,
      name: as?.toUpperCase() === 'AS' ? (name ?? null) : null,
      instructions: [],
    });
  }
  return stages;
}

function instructionsOf(text: string): Instruction[] {
  const lines = text.split('\n').filter((line) => !/^\s*(?:#|$)/.test(line));
  const whole = lines.join('\n').replaceAll(/\\\n/g, ' ').split('\n');
  return whole.map((line) => {
    const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line.trim()) ?? [];
    if (!known.has(name)) throw new Error(`not an instruction that is read here: ${line}`);
    const flags: Record<string, string> = {};
    const text = rest.replace(/^(?:--[a-z-]+=\S+\s+)+/, (found) => {
      for (const [, key = '', value = ''] of found.matchAll(/--([a-z-]+)=(\S+)/g))
        flags[key] = value;
      return '';
    });
    return { name, flags, text, words: wordsOf(text) };
  });
}

function wordsOf(text: string): string[] {
  if (text.startsWith('[')) return JSON.parse(text) as string[];
  return text.split(/\s+/).filter((word) => word !== '');
}

/** The last instruction of this name, which is the one that holds. */
export function lastOf(stage: Stage, name: string): Instruction {
  const found = stage.instructions.findLast((instruction) => instruction.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

/** `ENV` and `LABEL`: pairs, quotes taken away, `$NAME` filled in from the defaults of `ARG`. */
export function pairsOf(stage: Stage, name: 'ENV' | 'LABEL'): Readonly<Record<string, string>> {
  const args = Object.fromEntries(
    stage.instructions
      .filter((it) => it.name === 'ARG')
      .map(({ text }) => text.split('=') as [string, string]),
  );
  const pairs = stage.instructions
    .filter((it) => it.name === name)
    .flatMap(({ text }) => [...text.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g)])
    .map(([, key = '', quoted, bare]) => [key, filled(quoted ?? bare ?? '', args)] as const);
  return Object.fromEntries(pairs);
}

function filled(text: string, args: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$([A-Z]+)/g, (_, name: string) => args[name] ?? '');
}

/** With what it has from the stages it is built on: the instructions of all, and the image below them. */
export function wholeStage(stages: readonly Stage[], { base, name, instructions }: Stage): Stage {
  const below = stages.find((stage) => stage.name === base);
  if (below === undefined) return { base, name, instructions };
  const whole = wholeStage(stages, below);
  return { base: whole.base, name, instructions: [...whole.instructions, ...instructions] };
}

/** What the image is when it runs, by the last stage. */
export interface ImageConfig {
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly user: number;
  readonly group: number;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly healthcheck: readonly string[];
}

export function imageConfigOf(stages: readonly Stage[]): ImageConfig {
  const own = stages.at(-1);
  if (own === undefined) throw new Error('no stage');
  const last = wholeStage(stages, own);
  const [user = 0, group = 0] = lastOf(last, 'USER').text.split(':').map(Number);
  return {
    env: pairsOf(last, 'ENV'),
    labels: pairsOf(last, 'LABEL'),
    user,
    group,
    entrypoint: lastOf(last, 'ENTRYPOINT').words,
    cmd: lastOf(last, 'CMD').words,
    healthcheck: wordsOf(lastOf(last, 'HEALTHCHECK').text.replace(/^CMD\s+/, '')),
  };
}
