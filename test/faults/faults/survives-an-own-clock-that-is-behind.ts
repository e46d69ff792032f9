// The clock of the agent's machine is an hour behind. Callers go by Vault's time.
import { fault } from '../fault.js';
import { healsWithinMs, OFFSET_ATTEMPTS } from '../limits.js';

export default fault({
  name: 'own clock one hour behind',
  promise: 'a wrong clock of our own costs no token, and requests of the right time are accepted',
  scene: { isSpoilt: true },
  expect: {
    class: null,
    isThere: ({ vault }) => Math.abs((vault?.clock_offset_seconds ?? 0) - 3_600) < 5,
    isOver: ({ vault }) => vault?.clock_offset_seconds === 0,
    healsWithinMs: healsWithinMs(OFFSET_ATTEMPTS),
  },
  async inject({ spoiler }) {
    await spoiler.spoil({ clockMs: -3_600_000 });
    return () => spoiler.spoil({});
  },
});
