// Appends lines to standard output or to a file without ever waiting, throwing or growing without bound: a reader
// that stalls, a full disk or a vanished directory costs lines (counted), never the agent. Not `process.stdout`:
// that one is synchronous on pipes, so a stalled log collector would stop the event loop.
import { close, open, openSync, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Clock } from '../platform/clock.js';

const openAsync = promisify(open);
const closeAsync = promisify(close);
const writeAsync = promisify(write);

/** Beyond this many bytes waiting, new lines are dropped. */
const QUEUE_BYTES_MAX = 1024 * 1024;
/** A non-blocking pipe that is full is tried again after this. */
const FULL_PIPE_WAIT_MS = 50;
/** Only the owner may read an audit trail that we create; the mode of an existing file is its owner's business. */
const FILE_MODE = 0o600;
const NEWLINE = 0x0a;

export interface LineWriterOptions {
  readonly target: { readonly fd: number } | { readonly file: string };
  readonly clock: Clock;
  /** Which lines were lost, and why: an error code such as `ENOSPC`, or `backlog`. */
  readonly onDropped?: (lines: readonly string[], reason: string) => void;
}

export interface LineWriter {
  /** Takes one line without its newline. Never throws, never waits. */
  write(line: string): void;
  /** A file is closed and opened again before the next line (log rotation). */
  reopen(): void;
  /** Resolves when everything taken so far was written or dropped, at the latest after `withinMs`. */
  flush(withinMs: number): Promise<void>;
  /** A write that was given to the system has not come back: its reader stalls, and it would keep the process from its end. */
  readonly isStuck: boolean;
  /** Writes what still waits, synchronously: for the last moments of a crashing process. */
  flushSync(): void;
}

/** Builds the writer. Nothing is opened before the first line. */
export function buildLineWriter(options: LineWriterOptions): LineWriter {
  const { target, clock } = options;
  let queue: string[] = [];
  let queuedBytes = 0;
  let fd = 'fd' in target ? target.fd : -1;
  let mustReopen = false;
  let isTorn = false;
  let pumping: Promise<void> | null = null;
  let isWriting = false;

  async function ensureOpen(): Promise<void> {
    if ('fd' in target) return;
    if (mustReopen && fd >= 0) {
      const old = fd;
      fd = -1;
      await closeAsync(old).catch(() => undefined);
    }
    mustReopen = false;
    if (fd < 0) fd = await openAsync(target.file, 'a', FILE_MODE);
  }

  async function writeBatch(lines: readonly string[]): Promise<void> {
    const start = isTorn ? '\n' : '';
    const bytes = Buffer.from(`${start}${lines.join('\n')}\n`);
    let written = 0;
    try {
      await ensureOpen();
      while (written < bytes.length) written += await writeSome(bytes, written);
      isTorn = false;
    } catch (error) {
      if (written > 0) isTorn = bytes[written - 1] !== NEWLINE;
      mustReopen = true;
      options.onDropped?.(linesNotIn(lines, written - start.length), errorCode(error));
    }
  }

  async function writeSome(bytes: Buffer, offset: number): Promise<number> {
    try {
      isWriting = true;
      return (await writeAsync(fd, bytes, offset, bytes.length - offset, null)).bytesWritten;
    } catch (error) {
      if (errorCode(error) !== 'EAGAIN') throw error;
    } finally {
      isWriting = false;
    }
    await clock.sleep(FULL_PIPE_WAIT_MS);
    return 0;
  }

  async function pump(): Promise<void> {
    while (queue.length > 0) {
      const lines = queue;
      queue = [];
      await writeBatch(lines);
      queuedBytes -= lines.reduce((sum, line) => sum + line.length + 1, 0);
    }
    pumping = null;
  }

  return {
    write(line) {
      if (queuedBytes > 0 && queuedBytes + line.length >= QUEUE_BYTES_MAX) {
        options.onDropped?.([line], 'backlog');
        return;
      }
      queue.push(line);
      queuedBytes += line.length + 1;
      pumping ??= pump();
    },
    reopen() {
      mustReopen = true;
    },
    async flush(withinMs) {
      if (pumping === null) return;
      const abort = new AbortController();
      const deadline = clock.sleep(withinMs, abort.signal).catch(() => undefined);
      await Promise.race([pumping, deadline]);
      abort.abort();
    },
    get isStuck() {
      return isWriting;
    },
    flushSync() {
      const lines = queue;
      queue = [];
      if (lines.length === 0) return;
      try {
        if ('file' in target && fd < 0) fd = openSync(target.file, 'a', FILE_MODE);
        writeSync(fd, `${lines.join('\n')}\n`);
      } catch (error) {
        options.onDropped?.(lines, errorCode(error));
      }
    },
  };
}

/** The lines that did not fit, with their newline, into the first `written` bytes. */
function linesNotIn(lines: readonly string[], written: number): readonly string[] {
  let end = 0;
  return lines.filter((line) => {
    end += Buffer.byteLength(line) + 1;
    return end > written;
  });
}

function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'unknown';
}
