// The Prometheus text format, read strictly: a line that is neither a comment nor a sample is an error.

export interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;

export function readMetrics(text: string): ReadonlyMap<string, Family> {
  const families = new Map<string, Family>();
  let help = '';
  let current: Family | undefined;
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword === 'HELP') help = rest;
    else if (keyword === 'TYPE') {
      if (families.has(name)) throw new Error(`${name} comes twice`);
      current = { type: rest, help, samples: [] };
      families.set(name, current);
    } else current?.samples.push(readSample(line));
  }
  return families;
}

function readSample(line: string): Sample {
  const [, name, labels = '', value] = SAMPLE.exec(line) ?? [];
  if (name === undefined || value === undefined) throw new Error(`not a sample: ${line}`);
  const pairs = [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)];
  if (pairs.map(([pair]) => pair).join(',') !== labels) throw new Error(`not labels: ${line}`);
  return {
    name,
    labels: Object.fromEntries(pairs.map(([, label = '', text = '']) => [label, text])),
    value: readNumber(value),
  };
}

function readNumber(value: string): number {
  if (value === '+Inf') return Number.POSITIVE_INFINITY;
  const number = Number(value);
  if (Number.isNaN(number)) throw new Error(`not a number: ${value}`);
  return number;
}
