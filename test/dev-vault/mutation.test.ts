// Changes recorded status and error texts in the handlers, one at a time: replay and further answers must notice each.
import t from 'tap';
import type { devVault } from '../../src/dev-vault/index.js';
import { bundleDevVault, MutantLoader, mutantsOf, type Mutant } from './mutants.js';
import { COMPARED, firstDifference } from './compared.js';
import { readTranscript, replay, TRANSCRIPTS } from './replay.js';

const IS_FULL = process.env['KEYTENDER_TEST_FULL'] === '1';

/** Error texts of each transcript. */
const recorded = new Map(
  TRANSCRIPTS.map((name) => [
    name,
    readTranscript(name).flatMap(({ response }) => [
      ...((response.body?.errors ?? []) as string[]),
      ...((response.body?.warnings ?? []) as string[]),
    ]),
  ]),
);

/** The transcripts that recorded an error with all of these parts. */
function recordedIn(texts: readonly string[]): string[] {
  if (texts.length === 0) return [];
  return [...recorded]
    .filter(([, errors]) => errors.some((error) => texts.every((text) => error.includes(text))))
    .map(([name]) => name);
}

/** Whether one of the transcripts shows a difference, or one of the other answers of a real server. */
async function isNoticed(start: typeof devVault, transcripts: readonly string[]): Promise<boolean> {
  for (const name of transcripts) {
    let passedMs = 0;
    const vault = await start({ now: () => Date.now() + passedMs });
    try {
      const passSecond = (): void => {
        passedMs += 1500;
      };
      if ((await replay(name, vault, { passSecond })).length > 0) return true;
    } catch {
      // An answer that cannot even be read is noticed.
      return true;
    } finally {
      await vault.close();
    }
  }
  const vault = await start({ rootToken: 'root' });
  try {
    for (const list of Object.values(COMPARED)) {
      if ((await firstDifference(vault.address, list)) !== undefined) return true;
    }
  } catch {
    return true;
  } finally {
    await vault.close();
  }
  return false;
}

/** Recorded words where no recorded request leads; each has a test of its own. */
const ELSEWHERE: readonly (readonly [file: string, words: string])[] = [
  ['sys/status-routes.ts', 'Vault is sealed'], // sys/leader of a sealed node of a cluster: cluster.test.ts
  ['auth/kubernetes.ts', 'invalid expiration time (exp) claim'], // tokens.test.ts
];

function isElsewhere({ file, texts }: Mutant): boolean {
  return ELSEWHERE.some(
    ([known, words]) => known === file && texts.some((text) => text.includes(words)),
  );
}

function describe({ file, what, before, after }: Mutant): string {
  return `${file}: ${what} ${before} -> ${after}`;
}

t.test(
  'a changed status or error text whose words were recorded is noticed by the replay or the further answers',
  { timeout: 600_000 },
  async (t) => {
    const bundle = await bundleDevVault();
    const mutants = mutantsOf(bundle);
    const loader = new MutantLoader();
    t.teardown(() => {
      loader.close();
    });
    t.notOk(
      await isNoticed(await loader.load(bundle), TRANSCRIPTS),
      'nothing changed: no difference',
    );
    const survivors: string[] = [];
    const silent: string[] = [];
    let killed = 0;
    for (const mutant of mutants) {
      const where = recordedIn(mutant.texts);
      if (where.length === 0 && !IS_FULL) continue;
      const order = [...where, ...TRANSCRIPTS.filter((name) => !where.includes(name))];
      const noticed = await isNoticed(await loader.load(mutant.code), IS_FULL ? order : where);
      if (noticed) killed += 1;
      else if (where.length > 0 && !isElsewhere(mutant)) survivors.push(describe(mutant));
      else silent.push(describe(mutant));
    }
    t.comment(
      `${mutants.length} mutants, ${killed} noticed, ${silent.length} of what was not recorded`,
    );
    for (const one of silent) t.comment(`not recorded: ${one}`);
    t.ok(killed >= 60, `${killed} changed literals noticed`);
    t.strictSame(survivors, []);
  },
);
