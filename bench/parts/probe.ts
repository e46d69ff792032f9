// What a measured program tells of itself, by a file that is loaded into it beside it.
import { once } from 'node:events';
import { connect } from 'node:net';

/** To be loaded into the program; `PROBE_PORT` is where it tells. */
export const probing = 'bench/servers/probe.cjs';

export interface Told {
  /** Bytes; with `PROBE_COLLECTS` after a collection of all garbage. */
  readonly heapUsed: number;
  /** Delay of the event loop. */
  readonly p99Ms: number;
}

export async function probe(port: number): Promise<Told> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += String(chunk)));
  await once(socket, 'end');
  socket.destroy();
  return JSON.parse(text) as Told;
}
