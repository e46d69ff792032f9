// Rate-limit quotas over HTTP. https://openbao.org/api-docs/system/rate-limit-quotas/
import { JsonNumber, type Json } from '../json-text.js';
import { refuse, type Result } from '../result.js';
import type { Call, Route } from '../route.js';

export const QUOTA_ROUTES: readonly Route[] = [
  {
    path: 'quotas/config',
    fields: {
      enable_rate_limit_response_headers: 'bool',
      enable_rate_limit_audit_logging: 'bool',
      rate_limit_exempt_paths: 'strings',
    },
    read: readSettings,
    write: writeSettings,
  },
  { path: 'quotas/rate-limit', list },
  { path: 'quotas/rate-limit/', list },
  {
    path: 'quotas/rate-limit/{name}',
    fields: {
      name: 'string',
      type: 'string',
      path: 'string',
      role: 'string',
      interval: 'seconds',
      block_interval: 'seconds',
      inheritable: 'bool',
    },
    takesArbitraryFields: true,
    read,
    write,
    remove,
  },
];

function readSettings(call: Call): Result {
  const { settings } = call.node.core.quotas;
  return {
    data: {
      enable_rate_limit_audit_logging: false,
      enable_rate_limit_response_headers: settings.headersEnabled,
      rate_limit_exempt_paths: [...settings.exemptPaths],
    },
  };
}

function writeSettings({ fields, node }: Call): Result {
  const { quotas } = node.core;
  const { settings } = quotas;
  quotas.settings = {
    headersEnabled: fields.bool('enable_rate_limit_response_headers', settings.headersEnabled),
    exemptPaths: fields.has('rate_limit_exempt_paths')
      ? fields.strings('rate_limit_exempt_paths')
      : settings.exemptPaths,
  };
  return undefined;
}

function list(call: Call): Result {
  const names = call.node.core.quotas.names();
  return names.length === 0 ? undefined : { data: { keys: names } };
}

function read(call: Call): Result {
  const quota = call.node.core.quotas.get(call.fields.string('name'));
  if (quota === undefined) return undefined;
  return {
    data: {
      block_interval: quota.blockIntervalSeconds,
      inheritable: false,
      interval: quota.intervalSeconds,
      name: quota.name,
      path: quota.path,
      rate: quota.rate,
      role: '',
      type: 'rate-limit',
    },
  };
}

function write(call: Call): Result {
  const { fields } = call;
  const rate = numberOf(call.data['rate']);
  if (!(rate > 0)) return refuse(400, "'rate' is invalid");
  const path = fields.string('path').replace(/^\/+/, '');
  if (path !== '' && call.realm.mountOf(path) === undefined)
    return refuse(400, `invalid mount path "${path}"`);
  call.node.core.quotas.set({
    name: fields.string('name'),
    path: call.realm.path + path,
    rate,
    intervalSeconds: fields.seconds('interval') || 1,
    blockIntervalSeconds: fields.seconds('block_interval'),
  });
  return undefined;
}

function numberOf(value: Json | undefined): number {
  if (value instanceof JsonNumber) return Number(value.literal);
  return typeof value === 'string' && value !== '' ? Number(value) : Number.NaN;
}

function remove(call: Call): Result {
  call.node.core.quotas.remove(call.fields.string('name'));
  return undefined;
}
