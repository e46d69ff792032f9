// A process that delivers to a file, one byte at a time, and kills itself before a given step. Prints the number of steps
// when it lives to the end. Arguments: path, token, step.
import { Semaphore } from 'async-mutex';
import { FileSink } from '../../src/sink/file-sink.js';
import { delivery, steppedDisk } from './deliveries.js';

const [path = '', token = '', lastStep = ''] = process.argv.slice(2);
let steps = 0;
const disk = steppedDisk(
  () => {
    steps += 1;
    if (steps === Number(lastStep)) process.kill(process.pid, 'SIGKILL');
  },
  { writeBytesMax: 1 },
);
const config = {
  path,
  format: 'raw',
  template: null,
  mode: 0o600,
  owner: null,
  removeOnExit: false,
} as const;
const sink = new FileSink({
  config,
  disk,
  isStrict: () => true,
  now: () => Date.now(),
  slots: new Semaphore(1),
});
await sink.deliver(delivery(2, token), new AbortController().signal);
process.stdout.write(String(steps));
