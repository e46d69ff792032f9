// Vault's clock, as its answers tell it, is an hour behind. Callers follow Vault's time, as the agent does.
import { fault } from '../fault.js';
import { datedBy } from '../injections.js';
import { healsWithinMs, OFFSET_ATTEMPTS } from '../limits.js';

export default fault({
  name: "Vault's clock one hour behind",
  promise: 'a Vault of another time costs no token, and requests of that time are accepted',
  expect: {
    class: null,
    isThere: ({ vault }) => Math.abs((vault?.clock_offset_seconds ?? 0) - -3_600) < 5,
    isOver: ({ vault }) => vault?.clock_offset_seconds === 0,
    healsWithinMs: healsWithinMs(OFFSET_ATTEMPTS),
  },
  inject(scene) {
    scene.proxy.behaviour = datedBy(-3_600_000);
    scene.vaultClockMs = -3_600_000;
    return () => {
      scene.proxy.behaviour = null;
      scene.vaultClockMs = 0;
    };
  },
});
