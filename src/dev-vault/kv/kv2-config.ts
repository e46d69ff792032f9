// The settings of a KV v2 engine.
// https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#configure-the-kv-engine
import { formatDuration } from '../duration.js';
import type { Result } from '../result.js';
import type { Call } from '../route.js';
import { engineOf } from './kv-call.js';

export function readConfig(call: Call): Result {
  const { settings } = engineOf(call);
  return {
    data: {
      cas_required: settings.casRequired,
      delete_version_after: formatDuration(settings.deleteVersionAfterSeconds),
      max_versions: settings.maxVersions,
      metadata_cas_required: settings.metadataCasRequired,
    },
  };
}

export function writeConfig({ fields, ...call }: Call): Result {
  const engine = engineOf({ fields, ...call });
  const { settings } = engine;
  engine.settings = {
    maxVersions: fields.has('max_versions')
      ? fields.int('max_versions') >>> 0
      : settings.maxVersions,
    casRequired: fields.bool('cas_required', settings.casRequired),
    metadataCasRequired: fields.bool('metadata_cas_required', settings.metadataCasRequired),
    deleteVersionAfterSeconds: fields.has('delete_version_after')
      ? Math.max(-1, fields.seconds('delete_version_after'))
      : settings.deleteVersionAfterSeconds,
  };
  return undefined;
}
