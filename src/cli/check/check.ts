// `keytender check`: would the agent work with these settings, here and now? One line each for what was looked at,
// what was found, how to fix it. Exit code 0: it would; 1: something failed; 2: the settings are wrong.
import type { Config, TokenConfig, VaultConfig } from '../../config/config.js';
import { systemFiles } from '../../platform/files.js';
import { wantsColour } from '../../platform/terminal.js';
import { buildTlsFiles, type TlsFiles } from '../../vault/tls-files.js';
import { exitCode, type ExitCode } from '../exit-code.js';
import type { Io } from '../io.js';
import { loadSettings, type SettingsOptions } from '../settings.js';
import type { Place } from './commands.js';
import { lookAtEndpoint } from './endpoint.js';
import { endpointFindings, proxiedFindings } from './endpoint-findings.js';
import { failed, ok, renderFinding, warning, type Finding } from './finding.js';
import { findLogin } from './login-findings.js';
import { healthRequest, nodeFindings } from './node-findings.js';
import { credentialFindings, problemFindings, settingsFindings } from './settings-findings.js';
import { tokenFindings } from './token-findings.js';
import { buildVaultProbe, type VaultProbe } from './vault-probe.js';

export interface CheckOptions {
  readonly json?: boolean;
  readonly offline?: boolean;
  readonly login?: boolean;
}

/** Told of each finding as soon as it is there. */
type Report = (findings: readonly Finding[]) => void;

export async function check(
  options: CheckOptions,
  settings: SettingsOptions,
  io: Io,
): Promise<ExitCode> {
  io.signals.release();
  const findings: Finding[] = [];
  const colour = wantsColour(io.stdout, io.env);
  const report: Report = (found) => {
    findings.push(...found);
    if (options.json === true) return;
    for (const finding of found) io.stdout.write(`${renderFinding(finding, colour)}\n`);
  };
  const code = await examine(options, settings, io, report);
  const isWell = findings.every(({ verdict }) => verdict !== 'failed');
  if (options.json === true) io.stdout.write(`${JSON.stringify({ ok: isWell, findings })}\n`);
  return code ?? (isWell ? exitCode.done : exitCode.failed);
}

/** The exit code where it does not follow from the findings. */
async function examine(
  options: CheckOptions,
  settings: SettingsOptions,
  io: Io,
  report: Report,
): Promise<ExitCode | null> {
  const loaded = await loadSettings(settings, io);
  if (!loaded.ok) {
    report(problemFindings(loaded.problems));
    return exitCode.usage;
  }
  const { config, warnings } = loaded;
  report(settingsFindings(config, warnings));
  const tlsFiles = config.vault === null ? null : buildTlsFiles(config.vault, readText);
  report(await credentialFindings(config, tlsFiles));
  if (config.vault !== null && tlsFiles !== null && options.offline !== true) {
    await examineVault(config, config.vault, tlsFiles, options, io, report);
  }
  return null;
}

const fileBytesMax = 1024 * 1024;

async function readText(path: string): Promise<string> {
  const { bytes } = await systemFiles.read(path, fileBytesMax);
  return Buffer.from(bytes).toString('utf8');
}

async function examineVault(
  config: Config,
  vault: VaultConfig,
  tlsFiles: TlsFiles,
  options: CheckOptions,
  io: Io,
  report: Report,
): Promise<void> {
  const { signal } = new AbortController();
  const probes = vault.addresses.map((address) =>
    buildVaultProbe({ address, config: vault, tlsFiles, clock: io.clock, signal }),
  );
  try {
    const usable = await examineNodes(probes, { vault, tlsFiles, io, signal }, report);
    if (usable === null) return;
    const found = await findLogin(usable, vault, {
      maySpend: options.login === true,
      readFile: readText,
      place: placeOf(config, vault, config.tokens[0]),
      clock: io.clock,
      signal,
    });
    report([found.finding]);
    try {
      if (found.login !== null) {
        await examineTokens(config, vault, usable, found.login.vaultToken, io, report);
      }
    } finally {
      await found.end();
    }
    report([clockFinding(usable)]);
  } finally {
    await Promise.all(probes.map((probe) => probe.close()));
  }
}

interface Surroundings {
  readonly vault: VaultConfig;
  readonly tlsFiles: TlsFiles;
  readonly io: Io;
  readonly signal: AbortSignal;
}

/** The first address that could serve the agent. One that cannot is a failure only when none can. */
async function examineNodes(
  probes: readonly VaultProbe[],
  surroundings: Surroundings,
  report: Report,
): Promise<VaultProbe | null> {
  const looked = await Promise.all(
    probes.map(async (probe) => ({
      probe,
      findings: await examineNode(probe, surroundings),
    })),
  );
  const serves = looked.filter(({ findings }) =>
    findings.every(({ verdict }) => verdict !== 'failed'),
  );
  for (const { findings } of looked) {
    report(serves.length === 0 ? findings : findings.map(softened));
  }
  return serves[0]?.probe ?? null;
}

/** From the name up to `sys/health`, as far as it goes. */
async function examineNode(
  probe: VaultProbe,
  { vault, tlsFiles, io, signal }: Surroundings,
): Promise<readonly Finding[]> {
  const { address } = probe;
  const { timeoutMs, caCert, proxy } = vault;
  if (proxy !== null) {
    return [...proxiedFindings(address), ...nodeFindings(address, await probe.ask(healthRequest))];
  }
  const { clock } = io;
  const below = await (async () => {
    try {
      const tls = await tlsFiles.read();
      const endpoint = await lookAtEndpoint({ address, tls, timeoutMs, clock, signal });
      return endpointFindings({ address, caCert, nowMs: clock.now() }, endpoint);
    } catch {
      // files that cannot be used: told by the credentials, and by the request
      signal.throwIfAborted();
      return [];
    }
  })();
  const obstacle = below.find(({ verdict }) => verdict === 'failed');
  if (obstacle === undefined) {
    return withoutTwice(below, nodeFindings(address, await probe.ask(healthRequest)));
  }
  return obstacle.check === 'tls' ? below : [...below, { ...obstacle, check: 'reachability' }];
}

/** A certificate that was good until the server looked at ours is told once. */
function withoutTwice(below: readonly Finding[], above: readonly Finding[]): readonly Finding[] {
  const isAgain = above.some(({ check: name }) => name === 'tls');
  return [...below.filter(({ check: name }) => !isAgain || name !== 'tls'), ...above];
}

function softened(finding: Finding): Finding {
  return finding.verdict === 'failed' ? { ...finding, verdict: 'warning' } : finding;
}

async function examineTokens(
  config: Config,
  vault: VaultConfig,
  probe: VaultProbe,
  vaultToken: string | null,
  io: Io,
  report: Report,
): Promise<void> {
  for (const token of config.tokens) {
    const place = placeOf(config, vault, token);
    report(await tokenFindings({ probe, vaultToken, token, place, nowMs: io.clock.now() }));
  }
}

function placeOf(config: Config, vault: VaultConfig, token: TokenConfig | undefined): Place {
  const { mount, pathPrefix, namespace } = vault;
  const { path = 'token', field = 'token' } = token ?? {};
  return { location: { mount, pathPrefix, deployment: config.deployment, path }, namespace, field };
}

/** Beyond half of what signatures forgive, a rotation by `not_before` or a signature may be off. */
const clockOffsetMsMax = 60_000;

function clockFinding(probe: VaultProbe): Finding {
  const offsetMs = probe.clockOffsetMs();
  if (offsetMs === 0) return ok('clock', probe.address, 'within 2 s of this machine');
  const seconds = Math.round(offsetMs / 1000);
  const found = `${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} this machine`;
  const fix = 'timedatectl set-ntp true, on both machines; the agent reckons with the difference';
  return Math.abs(offsetMs) > clockOffsetMsMax
    ? failed('clock', probe.address, found, fix)
    : warning('clock', probe.address, found, fix);
}
