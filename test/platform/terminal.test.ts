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

t.test('FORCE_COLOR decides, wherever it goes', async (t) => {
  const pipe = new Writable();
  for (const said of ['1', '3', 'true']) {
    t.equal(wantsColour(pipe, { FORCE_COLOR: said }), true, said);
    t.equal(wantsColour(terminal, { FORCE_COLOR: said, NO_COLOR: '1', TERM: 'dumb' }), true, said);
  }
  for (const said of ['0', 'false']) t.equal(wantsColour(terminal, { FORCE_COLOR: said }), false);
  t.equal(wantsColour(terminal, { FORCE_COLOR: '' }), true, 'an empty one says nothing');
});
