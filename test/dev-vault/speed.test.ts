import t from 'tap';
import { benchDevVault, type DevVaultBench } from '../../bench/dev-vault.js';

const ATTEMPTS = 4;

t.test(
  'starts in under 50 ms and reads at least half as fast as a bare server answers',
  async (t) => {
    // A claim about speed on a machine that does other things too: the best of a few short runs.
    let best: DevVaultBench | undefined;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const run = await benchDevVault(4_000);
      if (best === undefined || run.ratio > best.ratio) best = run;
      if (best.ratio >= 0.5) break;
    }
    t.comment(JSON.stringify(best));
    t.ok((best?.startMs ?? 99) < 50, `started in ${best?.startMs} ms`);
    t.ok((best?.ratio ?? 0) >= 0.5, `${best?.ratio} of a bare server`);
  },
);
