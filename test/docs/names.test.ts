// Whatever the pages name exists: files, headings, settings, environment names, metrics, failure classes, commands,
// flags, scripts, audit events.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import t from 'tap';
import { buildProgram } from '../../src/cli/program.js';
import type { Io } from '../../src/cli/io.js';
import { environment, fileKeys, groups, isServiceLink } from '../../src/config/names.js';
import { sinkSettings, tokenSettings } from '../../src/config/settings.js';
import { failureClasses } from '../../src/health/failure.js';
import { auditEvents } from '../../src/telemetry/audit.js';
import { anchorsOf, blocksOf, codeSpansOf, localLinksOf, page } from './markdown.js';

const pages = [
  ...['README', 'VAULT_INTEGRATION', 'SECURITY', 'CONTRIBUTING', 'CHANGELOG'].map((n) => `${n}.md`),
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

/** Names with dots in these are objects of theirs. */
const programs = new Set(['js', 'ts', 'python', 'go']);

/** Every word of code in a page: spans of the prose, lines of the blocks that are no programs. */
function codeOf(path: string): string[] {
  const text = page(path);
  const blocks = blocksOf(text).filter(({ language }) => !programs.has(language));
  return [...codeSpansOf(text), ...blocks.flatMap((block) => block.text.split('\n'))];
}

function eachPage(name: string, missing: (path: string) => readonly string[]): void {
  t.test(name, async (t) => {
    for (const path of pages) t.strictSame([...new Set(missing(path))], [], path);
  });
}

eachPage('every link leads to a file and a heading that are there', (path) =>
  localLinksOf(page(path))
    .filter((link) => {
      const target = link.path === '' ? path : normalize(join(dirname(path), link.path));
      if (!existsSync(target)) return true;
      return link.anchor !== '' && !anchorsOf(page(target)).includes(link.anchor);
    })
    .map((link) => `${link.path}#${link.anchor}`),
);

eachPage('every path that is named is there', (path) => {
  const named = codeSpansOf(page(path)).filter((code) =>
    /^(?:src|test|docs|deploy|bench|scripts|\.ci|\.github)\/[\w./-]*$/.test(code),
  );
  const toCome = [...page(path).matchAll(/^\| `(src\/[a-z-]+\/)` +\| \(to come\)/gm)];
  return named.filter((file) => !existsSync(file) && !toCome.some(([, it]) => it === file));
});

/** A host: `vault` is a group of settings too. */
const isExampleHost = (name: string): boolean => name.endsWith('.example.com');

const settingGroups = [...groups].filter((group) => !group.includes('.'));
const ofTokens = Object.keys(tokenSettings);
const ofSinks = Object.keys(sinkSettings);

function isSetting(key: string): boolean {
  if (fileKeys.has(key) || groups.has(key)) return true;
  const [group, , field = ''] = key.split('.');
  return group === 'tokens' && ofTokens.includes(field);
}

/** Fields of `/health` are written with the same dots. */
const healthPage = page('docs/api.md');

eachPage('every setting that is named exists', (path) => {
  const keys = codeOf(path).flatMap((code) => [
    ...code.matchAll(/(?<![\w./-])([a-z]+(?:\.[a-z_]+)+)(?![\w/.(-])/g),
  ]);
  return keys
    .map(([, key = '']) => key)
    .filter((key) => settingGroups.includes(key.split('.')[0] ?? ''))
    .filter((key) => !isExampleHost(key) && !isSetting(key) && !healthPage.includes(`\`${key}\``));
});

t.test('settings of lists are named as they are', async (t) => {
  t.ok(ofTokens.includes('path') && ofSinks.includes('path'));
  t.ok(isSetting('refresh.interval') && isSetting('tokens.billing.path'));
  t.notOk(isSetting('refresh.intervall') || isSetting('tokens.billing.pth'), 'and no others');
});

/** Written to say that they are refused, or what Vault's own tools and the shell use. */
const foreignNames = new Set(['VAULT_SKIP_VERIFY']);

eachPage('every environment name that is named exists', (path) => {
  const names = codeOf(path).flatMap((code) => [
    ...code.matchAll(/(?<![\w$])((?:KEYTENDER|VAULT|BAO|AGENT)_[A-Z0-9_]+)(?![\w*…])/g),
  ]);
  return names
    .map(([, name = '']) => name)
    .filter(
      (name) =>
        !name.endsWith('_') &&
        !environment.has(name) &&
        !isServiceLink(name) &&
        !foreignNames.has(name),
    );
});

/** Names of metrics in the code: whole, or without the prefix where a function adds it. */
const metricSources = readdirSync('src/telemetry').map((name) =>
  readFileSync(join('src/telemetry', name), 'utf8'),
);
const metricWords = new Set(
  metricSources.flatMap((text) =>
    [...text.matchAll(/'([a-z][a-z0-9_]+)'/g)].map(([, word]) => word),
  ),
);

function isMetric(name: string): boolean {
  const base = name.replace(/_(?:bucket|sum|count)$/, '');
  return [name, base].some(
    (it) => metricWords.has(it) || metricWords.has(it.replace('keytender_', '')),
  );
}

eachPage('every metric that is named exists', (path) =>
  codeOf(path)
    .flatMap((code) => [...code.matchAll(/\bkeytender_[a-z0-9_]+/g)].map(([name]) => name))
    .filter((name) => !name.endsWith('_') && !isMetric(name)),
);

eachPage('every failure class that is named exists', (path) => {
  const events: readonly string[] = auditEvents;
  const classes: readonly string[] = failureClasses;
  const fields = /^(?:vault_(?:login|login_renewed|owns_token)|version_regressed|secret_id.*)$/;
  return codeSpansOf(page(path))
    .filter((code) => /^(?:vault|secret)_[a-z_]+$/.test(code))
    .filter((name) => !classes.includes(name) && !events.includes(name) && !fields.test(name))
    .filter((name) => !healthPage.includes(`\`${name}\``));
});

const program = buildProgram(
  { version: '0', stdout: process.stdout, stderr: process.stderr } as unknown as Io,
  () => undefined,
);
const commands = new Map(program.commands.map((command) => [command.name(), command]));

function optionsOf(name: string): string[] {
  const options = [...program.options, ...(commands.get(name)?.options ?? [])];
  return [...options.flatMap(({ long, short }) => [long, short]), '--help', '-h'].filter(
    (flag) => flag !== undefined,
  );
}

eachPage('every command and flag of keytender that is named exists', (path) => {
  const lines = codeOf(path).flatMap((code) => [
    ...code.matchAll(
      /(?:^|[;$] *|[A-Z]+=\S+ )(?:keytender|node dist\/keytender\.cjs|npm start --) ((?:[a-z-][\w.:=/<>$-]*\s*)+)/g,
    ),
  ]);
  return lines.flatMap(([whole = '', rest = '']) => {
    // what is behind -- is another program's
    const words = (rest.split(/(?:^|\s)--(?:\s|$)/)[0] ?? '').trim().split(/\s+/);
    const isStart = whole.includes('npm start');
    const [first = ''] = words;
    const command = isStart ? 'dev' : first === '' || first.startsWith('-') ? 'agent' : first;
    if (!commands.has(command)) return [`${path}: ${whole.trim()}`];
    const flags = words
      .filter((word) => word.startsWith('-'))
      .map((word) => word.split('=')[0] ?? '');
    return flags.filter((flag) => !optionsOf(command).includes(flag));
  });
});

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};

eachPage('every script that is named exists', (path) =>
  codeOf(path)
    .flatMap((code) => [...code.matchAll(/\bnpm run (?:-s )?([a-z:]+)/g)])
    .map(([, name = '']) => name)
    .filter((name) => scripts[name] === undefined),
);
