// What each dependency costs a start: bundled alone as the build bundles it, loaded by an otherwise empty process, and
// compared with a process that loads nothing. Medians; processor time, not time on the wall, so that a busy machine
// does not show. docs/dependencies.md quotes it.
//
//   node bench/dependencies.mjs [rounds]
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { omit } from '../scripts/omissions.mjs';

/** What src/ imports of each. */
const entries = {
  'node-vault': ['node-vault'],
  undici: ['undici/lib/dispatcher/pool.js', 'undici/lib/core/connect.js'],
  fastify: ['fastify'],
  pino: ['pino'],
  'pino-pretty': ['pino-pretty'],
  'prom-client': ['registry', 'counter', 'gauge', 'histogram'].map(
    (n) => `prom-client/lib/${n}.js`,
  ),
  typebox: ['typebox/type', 'typebox/value'],
  yaml: ['yaml'],
  commander: ['commander'],
  'async-mutex': ['async-mutex'],
};

const rounds = Number(process.argv[2] ?? 41);
const folder = await mkdtemp(join(tmpdir(), 'keytender-bench-'));
const report =
  'process.stdout.write(JSON.stringify([process.cpuUsage(), process.memoryUsage.rss()]))';

async function bundle(name, modules) {
  const outfile = join(folder, `${name}.cjs`);
  const main = modules.map((m, i) => `globalThis.x${i} = require(${JSON.stringify(m)});`).join('');
  const result = await build({
    stdin: { contents: main, resolveDir: process.cwd() },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    outfile,
    write: false,
    logLevel: 'error',
    define: { 'process.env.NODE_ENV': '"production"' },
    plugins: [omit().plugin],
  });
  await writeFile(outfile, `${result.outputFiles[0].text}\n${report}`);
  return { name, outfile, bytes: result.outputFiles[0].contents.length };
}

function start({ outfile }) {
  const env = { PATH: process.env.PATH };
  const [{ user, system }, rss] = JSON.parse(execFileSync(process.execPath, [outfile], { env }));
  return { cpuMs: (user + system) / 1000, rssMb: rss / 2 ** 20 };
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const programs = [await bundle('nothing', [])];
for (const [name, modules] of Object.entries(entries)) programs.push(await bundle(name, modules));
const samples = new Map(programs.map((program) => [program, []]));
for (let round = 0; round < rounds; round += 1) {
  for (const program of programs) samples.get(program).push(start(program));
}
await rm(folder, { recursive: true });

const [nothing] = programs;
const of = (program, key) => median(samples.get(program).map((sample) => sample[key]));
for (const program of programs) {
  const kb = Math.round(program.bytes / 1024);
  const ms = of(program, 'cpuMs') - (program === nothing ? 0 : of(nothing, 'cpuMs'));
  const mb = of(program, 'rssMb') - (program === nothing ? 0 : of(nothing, 'rssMb'));
  console.log(`${program.name}: ${kb} KB, ${ms.toFixed(1)} ms, ${mb.toFixed(1)} MB`);
}
const { dependencies } = JSON.parse(await readFile('package.json', 'utf8'));
const missing = Object.keys(dependencies).filter((name) => !(name in entries));
if (missing.length > 0) console.log(`not measured: ${missing.join(', ')}`);
