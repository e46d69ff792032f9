import t from 'tap';
import { atTurnEnd } from '../../src/platform/turn-end.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

t.test('what is written waits for all of the turn, keeps its order, and comes once', async (t) => {
  const seen: string[] = [];
  atTurnEnd(() => {
    seen.push('first');
    process.nextTick(() => seen.push('what the first leaves to do'));
    atTurnEnd(() => seen.push('of the next turn'));
  });
  atTurnEnd(() => seen.push('second'));
  seen.push('the turn itself');
  await Promise.resolve();
  t.same(seen, ['the turn itself']);
  await turn();
  t.same(seen, ['the turn itself', 'first', 'second', 'what the first leaves to do']);
  await turn();
  t.equal(seen.pop(), 'of the next turn');
  await turn();
  t.equal(seen.length, 4);
});
