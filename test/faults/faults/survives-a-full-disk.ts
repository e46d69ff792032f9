// No file takes another byte: neither that of the sink nor the audit trail. (A real full disk, where one can be mounted:
// test/integration/delivers-despite-a-full-disk.test.ts.)
import { fault } from '../fault.js';
import { healsWithinMs } from '../limits.js';
import { canLimit, limit } from '../process-limits.js';

export default fault({
  name: 'disk full',
  promise:
    'a disk that takes nothing costs no token, is told, and what it missed is written after it',
  scene: { writesFiles: true },
  begins: 'starting',
  isPossible: canLimit,
  expect: {
    class: null,
    isThere: ({ sinks }) => sinks?.['app']?.ok === false,
    isOver: ({ sinks }) => sinks?.['app']?.ok === true,
    // sinks have a backoff of their own, which has doubled for as long as this lasts
    healsWithinMs: healsWithinMs() + 5_000,
  },
  async inject(scene, moment) {
    limit(scene.agent.pid, 'fsize', 0);
    if (moment !== 'during a rotation') await scene.put('undeliverable');
    return () => {
      limit(scene.agent.pid, 'fsize', 'unlimited');
    };
  },
});
