// Makes the code cache of the image, with the user and the flags that the image has:
//
//   node --max-semi-space-size=8 warm.cjs
//
// beside start.cjs and keytender.cjs. An agent reads a token from a dev Vault, answers its probes and stops; the compiled
// code of every function that was used on the way is kept. That agent is this file with the word `agent`.
'use strict';
const { spawn } = require('node:child_process');
const { mkdirSync, readdirSync, rmSync, writeFileSync } = require('node:fs');
const { createServer } = require('node:net');
const { join } = require('node:path');

const cache = join(__dirname, 'compile-cache');

/** A program of this folder, with the flags this one was started with. */
function start(file, args, env = {}) {
  const child = spawn(process.execPath, [...process.execArgv, join(__dirname, file), ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  return { child, ended };
}

/** Nobody else's at this moment. */
async function freeAddress() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}

async function untilReady(url) {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const answer = await fetch(url).catch(() => null);
    await answer?.arrayBuffer();
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no answer from ${url}`);
}

/** The program as the image starts it; when it ends, its compiled code is written. */
function runOnce() {
  // what the program tells V8 on its way is not in force yet when V8 compares flags at the next start
  require('node:v8').setFlagsFromString = () => undefined;
  const { script, codeCache } = require('./start.cjs');
  process.once('exit', () => {
    // for whoever runs it to read: the image gives it to root
    writeFileSync(codeCache, script.createCachedData(), { mode: 0o644 });
  });
}

async function warm() {
  // the folder itself may be in one that is not ours to write to
  mkdirSync(cache, { recursive: true });
  for (const left of readdirSync(cache)) rmSync(join(cache, left), { recursive: true });
  const vaultAddress = await freeAddress();
  const vault = start('keytender.cjs', [
    ...['dev', '--vault-only', '--vault-address', vaultAddress, '--root-token', 'root'],
  ]);
  try {
    await untilReady(`http://${vaultAddress}/v1/sys/health`);
    const api = await freeAddress();
    const { child, ended } = start('warm.cjs', ['agent'], {
      VAULT_ADDR: `http://${vaultAddress}`,
      VAULT_TOKEN: 'root',
      KEYTENDER_LISTEN_ADDRESS: api,
      KEYTENDER_LISTEN_PROBE_ADDRESS: await freeAddress(),
    });
    for (const path of ['readyz', 'livez', 'startupz', 'health', 'metrics']) {
      await untilReady(`http://${api}/${path}`);
    }
    child.kill('SIGTERM');
    await ended;
  } finally {
    vault.child.kill('SIGTERM');
    await vault.ended;
  }
  const made = readdirSync(cache);
  if (made.length === 0) throw new Error('no code cache was made');
  process.stdout.write(`${made.join('\n')}\n`);
}

if (process.argv[2] === 'agent') runOnce();
else {
  warm().catch((error) => {
    process.stderr.write(`warm: ${error.message}\n`);
    process.exitCode = 1;
  });
}
