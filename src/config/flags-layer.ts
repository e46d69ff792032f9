// Settings from `--set key=value`. Keys are those of the file, `tokens.<name>.<field>` included.
import { normaliseText, asWritten } from './environment-layer.js';
import { unknownKeyFix } from './file-layer.js';
import type { Findings } from './findings.js';
import { emptyLayer } from './layer.js';
import type { Layer } from './layer.js';
import { fileKeys } from './names.js';
import { settings, tokenSettings } from './settings.js';
import { addTokenField } from './token-entries.js';

export function flagsLayer(flags: readonly string[], findings: Findings): Layer {
  const layer = emptyLayer();
  for (const flag of flags) {
    const equals = flag.indexOf('=');
    if (equals < 1) {
      findings.problem(
        '--set',
        'is not followed by key=value',
        'write for instance --set refresh.interval=30s',
      );
      continue;
    }
    setFlag(layer, flag.slice(0, equals).trim(), flag.slice(equals + 1), findings);
  }
  return layer;
}

function setFlag(layer: Layer, key: string, text: string, findings: Findings): void {
  const named = fileKeys.get(key);
  if (named !== undefined) {
    layer.settings.push({ ...named, name: key, value: asWritten(named.key, named.form, text) });
    if (settings[named.key].kind === 'secret' && named.form === 'value') {
      findings.warn(
        `${key} is on the command line, where every user of this machine can read it: set ${key}_file instead`,
      );
    }
    return;
  }
  const [group, name, field, ...more] = key.split('.');
  if (group === 'tokens' && name !== undefined && field !== undefined && more.length === 0) {
    const kind = Object.hasOwn(tokenSettings, field)
      ? tokenSettings[field as keyof typeof tokenSettings].kind
      : 'text';
    addTokenField(layer, name, field, normaliseText(kind, 'value', text), findings);
    return;
  }
  if (group === 'sinks') {
    findings.problem(key, 'cannot be set by a flag', 'write sinks into a settings file (--config)');
    return;
  }
  findings.problem(key, 'is not a setting', unknownKeyFix(key));
}
