import t from 'tap';
import { parseHealthcheck } from '../../../src/cli/healthcheck/options.js';

t.test('without options it asks once whether the agent is ready', async (t) => {
  t.same(parseHealthcheck([]), { probe: 'ready', url: undefined, waitMs: 0 });
});

t.test('options are taken with a space or an equals sign', async (t) => {
  const expected = { probe: 'live', url: 'http://a:1', waitMs: 30_000 };
  t.same(parseHealthcheck(['--live', '--url', 'http://a:1', '--wait', '30s']), expected);
  t.same(parseHealthcheck(['--wait=30', '--url=http://a:1', '--live']), expected);
  t.match(parseHealthcheck(['--startup', '--wait', '250ms']), { probe: 'startup', waitMs: 250 });
});

t.test('help wins over what follows', async (t) => {
  t.equal(parseHealthcheck(['--help']), 'help');
  t.equal(parseHealthcheck(['-h', '--nonsense']), 'help');
});

const refused: readonly (readonly [readonly string[], RegExp])[] = [
  [['--ready', '--live'], /one of --ready, --live, --startup/],
  [['--wait'], /--wait needs a value/],
  [['--wait', 'soon'], /such as 30s/],
  [['--wait', '-1s'], /such as 30s/],
  [['--wait', ''], /such as 30s/],
  [['--url'], /--url needs a value/],
  [['--config', 'x'], /unknown option '--config'/],
  [['ready'], /unknown option 'ready'/],
  [['--ready=yes'], /unknown option 'yes'/],
];

for (const [argv, sentence] of refused) {
  t.test(`'${argv.join(' ')}' is refused with a sentence`, async (t) => {
    t.throws(() => parseHealthcheck(argv), { name: 'UsageError', message: sentence });
  });
}
