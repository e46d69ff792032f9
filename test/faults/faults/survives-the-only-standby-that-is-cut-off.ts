// The only address is a standby that sees nothing of the active node: its answers look good. Nothing can tell them from a
// secret that nobody rotates; a second address can, and `/health` shows the age.
import { fault } from '../fault.js';
import { cutOff } from '../injections.js';

export default fault({
  name: 'standby cut off, no other address',
  promise:
    'a standby that answers for ever what it knew costs no token, and what came meanwhile is taken after it',
  expect: { class: (moment) => (moment === 'first start' ? 'vault_login_failed' : null) },
  inject: cutOff,
});
