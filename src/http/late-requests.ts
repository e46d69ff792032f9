// Node's time limits of a server (RFC 9112 section 9.5), enforced only while somebody is connected. Node looks for late
// requests by a timer that ticks from the first `listen` on; one tick a second would be most of what an idle agent does.
import type { Server } from 'node:http';

/** What Node runs at each `listening`: it replaces the timer by one of `connectionsCheckingInterval`. */
const RESTART = 'setupConnectionsTracking';
/** The longest delay that a timer takes: 24 days. */
const NEVER_MS = 2 ** 31 - 1;

/**
 * Looks for late requests every `everyMs` from a first connection to the end of the last. To be called before `listen`.
 * On a Node that does it in another way the timer ticks all the time.
 */
export function checkWhileConnected(server: Server, everyMs: number): void {
  const checked = server as Server & { connectionsCheckingInterval: number };
  const restart = server.listeners('listening').find(({ name }) => name === RESTART);
  if (restart === undefined) return;
  const checkEvery = (ms: number): void => {
    checked.connectionsCheckingInterval = ms;
    // a closed server has no timer any more, and needs none
    if (server.listening) Reflect.apply(restart, server, []);
  };
  let open = 0;
  checkEvery(NEVER_MS);
  server.on('connection', (socket) => {
    open += 1;
    if (open === 1) checkEvery(everyMs);
    socket.once('close', () => {
      open -= 1;
      if (open === 0) checkEvery(NEVER_MS);
    });
  });
}
