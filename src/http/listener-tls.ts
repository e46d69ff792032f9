// Certificate, key and client CA of the listener, from their files. Read again when one of them changed; a set that
// does not fit together never replaces the one that works.
import { createServer as createTlsServer, type Server as HttpsServer } from 'node:https';
import { createServer, type Server, type ServerOptions } from 'node:http';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../platform/clock.js';

export interface TlsPaths {
  readonly cert: string;
  readonly key: string;
  /** Client certificates are required and must be of this CA; null: none are asked for. */
  readonly clientCa: string | null;
}

interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
}

const LOOK_EVERY_MS = 10_000;
const MIN_VERSION = 'TLSv1.2';
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** The files cannot be read, or do not fit together. Says nothing of what is in them. */
export class TlsFilesError extends Error {
  override readonly name = 'TlsFilesError';
}

/** Rejects with `TlsFilesError`. */
export async function readTls(paths: TlsPaths): Promise<TlsMaterial> {
  try {
    const [cert, key, ca] = await Promise.all([
      readFile(paths.cert),
      readFile(paths.key),
      paths.clientCa === null ? null : readFile(paths.clientCa),
    ]);
    const material = { cert, key, ...(ca === null ? {} : { ca }) };
    createSecureContext(material);
    return material;
  } catch (error) {
    throw new TlsFilesError('certificate and key cannot be read, or do not fit together', {
      cause: error,
    });
  }
}

export function buildServer(options: ServerOptions, tls: TlsPaths | null): Server | HttpsServer {
  if (tls === null) return createServer(options);
  const isRequired = tls.clientCa !== null;
  return createTlsServer({
    ...options,
    minVersion: MIN_VERSION,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    requestCert: isRequired,
    rejectUnauthorized: isRequired,
  });
}

/** Takes what is in the files now. Rejects with `TlsFilesError`. */
export async function loadTls(server: HttpsServer, paths: TlsPaths): Promise<void> {
  server.setSecureContext({ ...(await readTls(paths)), minVersion: MIN_VERSION });
}

/** Looks at the files now and then until `signal` aborts. `onProblem` is told once each time they stop working. */
export async function followTls(
  server: HttpsServer,
  paths: TlsPaths,
  clock: Clock,
  signal: AbortSignal,
  onProblem: (reason: string) => void,
): Promise<void> {
  let seen = await contents(paths);
  let isBroken = false;
  for (;;) {
    await clock.sleep(LOOK_EVERY_MS, signal).catch(() => undefined);
    if (signal.aborted) return;
    const now = await contents(paths);
    if (now === seen && !isBroken) continue;
    try {
      await loadTls(server, paths);
      isBroken = false;
    } catch (error) {
      if (!isBroken) onProblem(error instanceof Error ? error.message : String(error));
      isBroken = true;
    }
    seen = now;
  }
}

/** Something that changes when a file does. */
async function contents({ cert, key, clientCa }: TlsPaths): Promise<string> {
  const files = [cert, key, ...(clientCa === null ? [] : [clientCa])];
  const read = await Promise.all(files.map((file) => readFile(file, 'base64').catch(() => '')));
  return read.join('.');
}
