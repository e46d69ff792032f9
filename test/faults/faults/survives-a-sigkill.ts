// The process is killed without a word, and started again by whoever supervises it.
import { fault } from '../fault.js';

export default fault({
  name: 'killed by SIGKILL',
  promise:
    'who is killed starts again with the same token, of the same age, and the grace of the one before',
  begins: 'starting',
  isMute: true,
  expect: { class: null, token: 'restarted' },
  async inject(scene) {
    scene.agent.kill('SIGKILL');
    await scene.agent.ended;
    return () => {
      scene.start();
    };
  },
});
