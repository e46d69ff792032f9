// A captive portal or a proxy answers 200 with a page.
import { fault } from '../fault.js';
import { answers } from '../injections.js';

export default fault({
  name: 'garbage',
  promise: 'a page for people in place of an answer costs no token',
  expect: { class: 'secret_malformed' },
  inject: answers(200, '<html>sign in</html>'),
});
