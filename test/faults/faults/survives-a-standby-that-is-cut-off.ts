// The first of two addresses is a standby that sees nothing of the active node any more, the second is that one.
import { fault } from '../fault.js';
import { cutOff } from '../injections.js';

export default fault({
  name: 'standby cut off, active node known',
  promise:
    'who signs with the newest token is not refused, as long as the active node is among the addresses',
  // one timeout, and it would ask the active node from then on: nothing would be wrong any more
  scene: { hasSecondAddress: true, isPatient: true },
  callersHold: 'newest',
  // it can make no login, but the next address can; what it shows is told as old once that one was asked
  expect: {
    class: (moment) => (moment === 'first start' ? 'vault_login_failed' : 'version_regressed'),
    isMended: (moment) => moment === 'first start',
  },
  inject: cutOff,
});
