// Vault has a method LIST (and OpenBao SCAN) that Node's HTTP parser does not know and refuses. A request line that
// begins with one is given a method of the same length that the parser does know and Vault does not, before the parser
// sees it, and gets its own name back afterwards.
import type { Socket } from 'node:net';

const STAND_INS: readonly (readonly [name: string, standIn: string])[] = [
  ['LIST', 'LINK'],
  ['SCAN', 'BIND'],
];

export function methodOf(parsed: string): string {
  return STAND_INS.find(([, standIn]) => standIn === parsed)?.[0] ?? parsed;
}

/** Must be the first listener for data on the socket: it changes the chunk in place. */
export function rewriteMethods(socket: Socket): void {
  socket.on('data', (chunk: Buffer) => {
    for (const [name, standIn] of STAND_INS) {
      if (startsWith(chunk, `${name} `)) chunk.write(standIn, 0, 'latin1');
      // What the client itself calls LINK is no method of Vault's.
      else if (startsWith(chunk, `${standIn} `)) chunk.write('MOVE', 0, 'latin1');
    }
  });
}

/** Byte by byte: this is asked of every chunk. */
function startsWith(chunk: Buffer, text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    if (chunk[at] !== text.charCodeAt(at)) return false;
  }
  return true;
}

/** Makes the parser read through the stream again instead of taking bytes from below it. */
export function readThroughStream(socket: Socket): void {
  socket.on('data', () => undefined);
}
