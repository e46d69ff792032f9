// The initial token, `AGENT_TOKEN` beside Vault: docs/token.md, "The initial token".
import t from 'tap';
import { initialToken } from '../../src/token/store.js';
import { tokenText } from './agent-model.js';
import { Story, type StoryOptions, T0 } from './story.js';

/** Known since an hour before the story, usable for an hour from its beginning. */
function withInitial(name: string, options: StoryOptions = {}): StoryOptions {
  return { ...options, initial: initialToken(tokenText(name), T0 - 3_600_000, T0 + 3_600_000) };
}

t.test('the initial token signs until the first good read', async (t) => {
  const story = new Story(withInitial('i'));
  t.match(story.snapshot.current, { source: 'initial', version: null, createdAt: T0 - 3_600_000 });
  story.putMalformed().poll();
  t.equal(story.signs(), 'i', 'whatever Vault answers');
  t.equal(story.wait(60).put('a').pollChange(), 'rotated');
  t.strictSame(story.verifies(), ['a', 'i']);
  t.strictSame(story.ends(), [360], 'a grace of the settings after our first swap');
  t.match(story.snapshot.superseded, [{ version: null, firstVersion: null }]);
});

t.test('the initial token is used until its greatest age, then it is expired', async (t) => {
  const story = new Story(withInitial('i')).wait(3600);
  t.match(story.snapshot, { current: null, missing: 'expired', last: { source: 'initial' } });
  story.put('a').poll();
  t.strictSame(story.verifies(), ['a'], 'expired before the swap, it has no grace');
});

t.test('its grace after the swap may outlast its greatest age', async (t) => {
  const story = new Story(withInitial('i')).wait(3590).put('a');
  story.poll();
  t.strictSame(story.ends(), [3890]);
});

t.test('equal to the current version it is that generation, with its age from Vault', async (t) => {
  const story = new Story(withInitial('a')).put('z').put('a').wait(60);
  t.equal(story.pollChange(), 'loaded', 'no rotation');
  t.match(story.snapshot.current, { source: 'vault', version: 2, createdAt: T0 });
  t.strictSame(story.verifies(), ['a', 'z']);
});

t.test('equal to a superseded version it ends with that one', async (t) => {
  const story = new Story(withInitial('a')).put('a').wait(10).put('b', { grace_seconds: 400 });
  story.wait(10).poll();
  t.strictSame(story.verifies(), ['b', 'a']);
  t.match(story.snapshot.superseded, [{ version: 1 }]);
  t.strictSame(story.ends(), [410]);
  story.wait(500).put('c').poll();
  t.strictSame(story.verifies(), ['c', 'b'], 'and does not come back as an initial one');
});

t.test('equal to a version that is destroyed later it is dead with it', async (t) => {
  const story = new Story(withInitial('a')).put('a');
  story.poll();
  story.vault.destroy(1);
  story.poll();
  story.wait(10).put('b').poll();
  t.strictSame(story.verifies(), ['b']);
});

t.test('equal to a pending version it waits as that one', async (t) => {
  const story = new Story(withInitial('b')).put('a').put('b', { notBefore: 600 });
  story.poll();
  t.strictSame(story.verifies(), ['a', 'b']);
  t.match(story.snapshot, { pending: [{ version: 2 }], superseded: [] });
});

t.test('it does not verify after the swap where the newest has a grace of 0', async (t) => {
  const story = new Story(withInitial('i')).put('a', { grace_seconds: 0 });
  story.poll();
  t.strictSame(story.verifies(), ['a']);
  story.wait(10).put('b').poll();
  t.strictSame(story.verifies(), ['b', 'a'], 'and stays out');
});

t.test('a later rotation with a grace of 0 ends it too', async (t) => {
  const story = new Story(withInitial('i')).put('a');
  story.poll();
  story.wait(10).put('b', { grace_seconds: 0 }).poll();
  t.strictSame(story.verifies(), ['b']);
});

t.test('it verifies beside superseded_max generations, not instead of one', async (t) => {
  const story = new Story(withInitial('i', { limits: { supersededMax: 1 } }));
  story.put('a').put('b').poll();
  t.strictSame(story.verifies(), ['b', 'a', 'i']);
});

t.test('a start on a destroyed newest version takes the initial token away', async (t) => {
  const story = new Story(withInitial('i')).put('a');
  story.vault.destroy(1);
  t.equal(story.pollChange(), 'revoked');
  t.match(story.snapshot, { current: null, missing: 'revoked' });
  story.wait(10).put('b').poll();
  t.strictSame(story.verifies(), ['b'], 'for good');
});

t.test('a start on a deleted newest version leaves the initial token in use', async (t) => {
  const story = new Story(withInitial('i')).put('a');
  story.vault.delete();
  story.poll();
  t.equal(story.signs(), 'i');
});

t.test('it signs on while a cold start reads back behind a pending version', async (t) => {
  const story = new Story(withInitial('i')).put('a').put('b', { notBefore: 600 });
  story.poll();
  t.notOk(story.agent.decisions.some(({ after }) => after.current === null));
  t.strictSame(
    story.agent.decisions.map(({ change }) => change).filter((change) => change === 'rotated'),
    ['rotated'],
  );
  t.strictSame(story.verifies(), ['a', 'b', 'i']);
});
