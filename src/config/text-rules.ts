// Rules for settings that are names: what would not survive in a header, a TLS extension or a path. None quotes the text.
import { isSocketPath, socketPathBytesMax } from '../platform/socket-path.js';
import { parseServerUrl } from './network.js';
import type { TextRule } from './setting.js';
import { pathRule } from './vault-path.js';

const printableAscii = /^[\x20-\x7e]+$/;

/** Fit for a header value or a system call: printable ASCII, no space at the ends. */
export const asciiRule: TextRule = (text) =>
  printableAscii.test(text) && text.trim() === text
    ? null
    : {
        message: 'has more than printable ASCII in it, or a space at its end',
        fix: 'write it without',
      };

export const agentIdRule: TextRule = (id) =>
  /^[\x21-\x7e]+$/.test(id)
    ? null
    : {
        message: 'has more than printable ASCII without spaces in it',
        fix: 'write a name like app-0',
      };

/** A name of an environment variable, as every shell takes it. */
export const variableRule: TextRule = (name) =>
  /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)
    ? null
    : {
        message: 'is no name of an environment variable',
        fix: 'write letters, digits and underscores, such as APP_TOKEN',
      };

/** A namespace path, sent as a header. */
export const namespaceRule: TextRule = (namespace) => asciiRule(namespace) ?? pathRule(namespace);

export const authMountRule: TextRule = (mount) =>
  mount.startsWith('auth/')
    ? { message: 'starts with auth/', fix: 'leave auth/ out, it is added' }
    : (asciiRule(mount) ?? pathRule(mount));

/** A DNS name: what TLS calls the server name (RFC 6066 §3). */
export const serverNameRule: TextRule = (name) =>
  /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(name)
    ? null
    : {
        message: 'is not a host name',
        fix: 'write a name like vault.example.com, without scheme and port',
      };

export const proxyRule: TextRule = (url) => {
  const parsed = parseServerUrl(url);
  if (parsed.ok) return null;
  return {
    message: parsed.message,
    fix: 'write a URL like http://proxy.example.com:3128, without credentials',
  };
};

export const socketPathRule: TextRule = (path) =>
  isSocketPath(path)
    ? null
    : {
        message: `is longer than the ${socketPathBytesMax} bytes a Unix socket's path may have`,
        fix: 'use a shorter path, such as /run/keytender/agent.sock',
      };
