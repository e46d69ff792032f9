// The places tokens are delivered to, as a settings file lists them. Owns their shape; what they do is sink/'s.
import type { SinkConfig } from './config.js';
import type { Findings } from './findings.js';
import type { Entry } from './layer.js';
import type { Setting } from './setting.js';
import { sinkSettings } from './settings.js';
import { suggest } from './suggestion.js';

const SINKS_MAX = 100;

type Field = keyof typeof sinkSettings;

export function sinkConfigs(
  entry: Entry | null,
  tokenNames: readonly string[],
  findings: Findings,
): SinkConfig[] {
  if (entry === null) return [];
  if (!Array.isArray(entry.value)) {
    findings.problem('sinks', 'is not a list', 'write sinks: [ { name: …, type: file, path: … } ]');
    return [];
  }
  const all = entry.value as unknown[];
  if (all.length > SINKS_MAX) {
    findings.problem('sinks', `lists more than ${SINKS_MAX} sinks`, 'shorten it');
    return [];
  }
  const sinks = all.map((one, index) => sinkConfig(one, `sinks[${index}]`, tokenNames, findings));
  checkUnique(sinks, findings);
  return sinks.filter((sink) => sink !== null);
}

function sinkConfig(
  written: unknown,
  key: string,
  tokenNames: readonly string[],
  findings: Findings,
): SinkConfig | null {
  if (typeof written !== 'object' || written === null || Array.isArray(written)) {
    findings.problem(key, 'is not a mapping', 'write { name: …, type: file, path: … }');
    return null;
  }
  checkFields(written, key, findings);
  const before = findings.problems.length;
  const read = <T>(field: Field, setting: Setting<T>): T | undefined => {
    const value: unknown = Object.hasOwn(written, field)
      ? (written as Record<string, unknown>)[field]
      : undefined;
    if (value === undefined || value === null) return setting.defaultValue;
    const parsed = setting.parse(value);
    if (parsed.ok) return parsed.value;
    findings.problem(`${key}.${field}`, parsed.message, parsed.fix);
    return setting.defaultValue;
  };
  const sink = {
    name: read('name', sinkSettings.name),
    type: read('type', sinkSettings.type),
    token: read('token', sinkSettings.token) ?? sinkSettings.token.defaultValue,
    path: read('path', sinkSettings.path) ?? null,
    format: read('format', sinkSettings.format) ?? sinkSettings.format.defaultValue,
    template: read('template', sinkSettings.template) ?? null,
    mode: read('mode', sinkSettings.mode) ?? sinkSettings.mode.defaultValue,
    owner: read('owner', sinkSettings.owner) ?? null,
    command: read('command', sinkSettings.command) ?? [],
    timeoutMs: read('timeout', sinkSettings.timeout) ?? sinkSettings.timeout.defaultValue,
    splayMs: read('splay', sinkSettings.splay) ?? sinkSettings.splay.defaultValue,
    removeOnExit:
      read('remove_on_exit', sinkSettings.remove_on_exit) ??
      sinkSettings.remove_on_exit.defaultValue,
  };
  if (findings.problems.length > before) return null;
  const { name, type } = sink;
  if (name === undefined || type === undefined) {
    findings.problem(key, 'has no name or no type', 'write name: and type: file or exec');
    return null;
  }
  const whole = { ...sink, name, type };
  checkTogether(whole, key, tokenNames, findings);
  return whole;
}

function checkFields(written: object, key: string, findings: Findings): void {
  const known = Object.keys(sinkSettings);
  for (const field of Object.keys(written)) {
    if (Object.hasOwn(sinkSettings, field)) continue;
    const fix = `write only ${known.join(', ')}${suggest(field, known)}`;
    findings.problem(`${key}.${field}`, 'is not a setting of a sink', fix);
  }
}

function checkTogether(
  sink: SinkConfig,
  key: string,
  tokenNames: readonly string[],
  findings: Findings,
): void {
  if (sink.type === 'file' && sink.path === null) {
    findings.problem(key, 'is a file sink without a path', 'write path: and the file to write');
  }
  if (sink.type === 'exec' && sink.command.length === 0) {
    findings.problem(
      key,
      'is an exec sink without a command',
      'write command: [program, argument]',
    );
  }
  if ((sink.format === 'template') !== (sink.template !== null)) {
    findings.problem(
      key,
      sink.template === null
        ? 'has format: template, but no template'
        : 'has a template, but another format',
      'write both format: template and template: …, or neither',
    );
  }
  if (!tokenNames.includes(sink.token)) {
    findings.problem(
      `${key}.token`,
      'names no configured token',
      `write one of ${tokenNames.join(', ')}${suggest(sink.token, tokenNames)}`,
    );
  }
}

function checkUnique(sinks: readonly (SinkConfig | null)[], findings: Findings): void {
  const seen = new Set<string>();
  for (const [index, sink] of sinks.entries()) {
    if (sink === null) continue;
    if (seen.has(sink.name)) {
      findings.problem(`sinks[${index}].name`, 'is the name of another sink', 'give each its own');
    }
    seen.add(sink.name);
  }
}
