// Certificates and keys for talking to Vault, from their files, read again before each use: a rotated certificate is
// taken as soon as it is whole, and a half-written one never replaces what works.
import { createSecureContext } from 'node:tls';
import type { TlsSettings } from './connector.js';

export interface TlsFilesConfig {
  readonly caCert: string | null;
  readonly clientCert: string | null;
  readonly clientKey: string | null;
  readonly tlsServerName: string | null;
}

export interface TlsFiles {
  /** The newest settings that work together. The same object as long as nothing changed. Throws `TlsFilesError` when none ever did. */
  read(): Promise<TlsSettings>;
}

/** The files cannot be read, or certificate and key do not fit. Says which, nothing of what is in them. */
class TlsFilesError extends Error {
  override readonly name = 'TlsFilesError';
  readonly code = 'TLS_FILES';
}

export function buildTlsFiles(
  config: TlsFilesConfig,
  readFile: (path: string) => Promise<string>,
): TlsFiles {
  let working: TlsSettings | null = null;
  return {
    async read() {
      const found = await readAll(config, readFile);
      if (found !== null && !isSame(found, working) && fitsTogether(found)) working = found;
      if (working === null) throw new TlsFilesError('the TLS files cannot be used');
      return working;
    },
  };
}

async function readAll(
  config: TlsFilesConfig,
  readFile: (path: string) => Promise<string>,
): Promise<TlsSettings | null> {
  const read = async (path: string | null): Promise<string | null> =>
    path === null ? null : await readFile(path);
  try {
    const [ca, cert, key] = await Promise.all([
      read(config.caCert),
      read(config.clientCert),
      read(config.clientKey),
    ]);
    return { ca, cert, key, serverName: config.tlsServerName };
  } catch {
    return null;
  }
}

function isSame(a: TlsSettings, b: TlsSettings | null): boolean {
  return b !== null && a.ca === b.ca && a.cert === b.cert && a.key === b.key;
}

function fitsTogether({ ca, cert, key }: TlsSettings): boolean {
  if (ca === null && cert === null && key === null) return true;
  if (ca !== null && !ca.includes('-----BEGIN')) return false;
  try {
    createSecureContext({
      ...(ca === null ? {} : { ca }),
      ...(cert === null ? {} : { cert }),
      ...(key === null ? {} : { key }),
    });
    return true;
  } catch {
    return false;
  }
}
