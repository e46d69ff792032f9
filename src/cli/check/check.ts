// `keytender check`: would the agent work with these settings, here and now? One line each for what was looked at,
// what was found, how to fix it. Exit code 0: it would; 1: something failed; 2: the settings are wrong.
import type { Config, VaultConfig } from '../../config/config.js';
import { systemFiles } from '../../platform/files.js';
import { wantsColour } from '../../platform/terminal.js';
import { buildTlsFiles, type TlsFiles } from '../../vault/tls-files.js';
import { exitCode, type ExitCode } from '../exit-code.js';
import type { Io } from '../io.js';
import { loadSettings, type SettingsOptions } from '../settings.js';
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
    const usable = await examineNodes(probes, report);
    if (usable === null) return;
    const found = await findLogin(usable, vault, {
      maySpend: options.login === true,
      readFile: readText,
      clock: io.clock,
      signal,
    });
    report([found.finding]);
    if (found.login !== null) {
      await examineTokens(config, vault, usable, found.login.vaultToken, io, report);
      await found.end();
    }
    report([clockFinding(usable)]);
  } finally {
    await Promise.all(probes.map((probe) => probe.close()));
  }
}

/** The first address that could serve the agent. One that cannot is a failure only when none can. */
async function examineNodes(
  probes: readonly VaultProbe[],
  report: Report,
): Promise<VaultProbe | null> {
  const looked = await Promise.all(
    probes.map(async (probe) => ({
      probe,
      findings: nodeFindings(probe.address, await probe.ask(healthRequest)),
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
    const location = {
      mount: vault.mount,
      pathPrefix: vault.pathPrefix,
      deployment: config.deployment,
      path: token.path,
    };
    const { namespace } = vault;
    const nowMs = io.clock.now();
    report(await tokenFindings({ probe, vaultToken, namespace, token, location, nowMs }));
  }
}

/** Beyond half of what signatures forgive, a rotation by `not_before` or a signature may be off. */
const clockOffsetMsMax = 60_000;

function clockFinding(probe: VaultProbe): Finding {
  const offsetMs = probe.clockOffsetMs();
  if (offsetMs === 0) return ok('clock', probe.address, 'within 2 s of this machine');
  const seconds = Math.round(offsetMs / 1000);
  const found = `${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} this machine`;
  const fix = 'let NTP set both clocks; the agent reckons with the difference';
  return Math.abs(offsetMs) > clockOffsetMsMax
    ? failed('clock', probe.address, found, fix)
    : warning('clock', probe.address, found, fix);
}
