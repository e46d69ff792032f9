import t from 'tap';
import { devVault } from '../../src/dev-vault/index.js';
import { EXCUSED, replay, TRANSCRIPTS } from './replay.js';

t.test('there are eight transcripts to replay', async (t) => {
  t.equal(TRANSCRIPTS.length, 8);
});

for (const name of TRANSCRIPTS) {
  t.test(`answers ${name} as the real server was recorded to`, async (t) => {
    let passedMs = 0;
    await using vault = await devVault({ now: () => Date.now() + passedMs });
    const differences = await replay(name, vault, {
      passSecond: () => {
        passedMs += 1500;
      },
    });
    t.strictSame(differences, []);
  });
}

t.test('every excused field has a reason', async (t) => {
  for (const { field, reason } of EXCUSED) t.ok(reason.length > 3, String(field));
});
