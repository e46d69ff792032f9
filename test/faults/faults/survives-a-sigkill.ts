// The process is killed without a word, and started again by whoever supervises it.
import { fault } from '../fault.js';
import { healsWithinMs } from '../limits.js';

/** A process begins, on a machine that does other things too. */
const START_MS = 5_000;

export default fault({
  name: 'killed by SIGKILL',
  promise:
    'who is killed starts again with the same token, of the same age, and the grace of the one before',
  begins: 'starting',
  isMute: true,
  expect: { class: null, token: 'restarted', healsWithinMs: healsWithinMs() + START_MS },
  async inject(scene) {
    scene.agent.kill('SIGKILL');
    await scene.agent.ended;
    return () => {
      scene.start();
    };
  },
});
