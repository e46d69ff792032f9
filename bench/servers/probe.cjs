// Loaded into a measured program beside it (`--require`): tells its heap and the delay of its event loop to whoever
// connects to PROBE_PORT on loopback. The delay is of all the time since it was asked before, by a timer of 10 ms. With
// PROBE_COLLECTS all garbage is collected first, so that the heap is what the program holds.
'use strict';
const { createServer } = require('node:net');
const { monitorEventLoopDelay } = require('node:perf_hooks');
const { setFlagsFromString } = require('node:v8');
const { runInNewContext } = require('node:vm');

const delay = monitorEventLoopDelay({ resolution: 10 });
delay.enable();
let collect = () => undefined;
if (process.env.PROBE_COLLECTS !== undefined) {
  setFlagsFromString('--expose-gc');
  collect = runInNewContext('gc');
}
createServer((socket) => {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  const p99Ms = delay.percentile(99) / 1e6;
  if (socket.remotePort !== undefined) socket.end(JSON.stringify({ heapUsed, external, p99Ms }));
  socket.on('error', () => undefined);
})
  .listen(Number(process.env.PROBE_PORT), '127.0.0.1')
  .unref();
