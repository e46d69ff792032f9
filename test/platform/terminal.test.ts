import { Writable } from 'node:stream';
import t from 'tap';
import { wantsColour } from '../../src/platform/terminal.js';

const terminal = Object.assign(new Writable(), { isTTY: true });

t.test('colour is for terminals that can and people who did not say no', async (t) => {
  t.equal(wantsColour(terminal, {}), true);
  t.equal(wantsColour(terminal, { NO_COLOR: '' }), true, 'an empty NO_COLOR says nothing');
  t.equal(wantsColour(terminal, { NO_COLOR: '1' }), false);
  t.equal(wantsColour(terminal, { TERM: 'dumb' }), false);
  t.equal(wantsColour(new Writable(), {}), false, 'a pipe');
});
