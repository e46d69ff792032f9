// Changes status and error texts in the handlers, one at a time. A literal that a recorded exchange leads to must be
// noticed by the replay alone; one that no transcript reaches, but whose words were recorded, by the replay and the
// further answers of a real server together.
import t from 'tap';
import type { devVault } from '../../src/dev-vault/index.js';
import {
  bundleDevVault,
  MutantLoader,
  mutantsOf,
  REACHED,
  reportingBundle,
  type Mutant,
} from './mutants.js';
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

async function replayShowsADifference(start: typeof devVault, name: string): Promise<boolean> {
  let passedMs = 0;
  const vault = await start({ now: () => Date.now() + passedMs });
  try {
    const passSecond = (): void => {
      passedMs += 1500;
    };
    return (await replay(name, vault, { passSecond })).length > 0;
  } catch {
    // An answer that cannot even be read is noticed.
    return true;
  } finally {
    await vault.close();
  }
}

async function isNoticedByReplay(
  start: typeof devVault,
  transcripts: readonly string[],
): Promise<boolean> {
  for (const name of transcripts) {
    if (await replayShowsADifference(start, name)) return true;
  }
  return false;
}

async function isNoticedByFurtherAnswers(start: typeof devVault): Promise<boolean> {
  const vault = await start({ rootToken: 'root' });
  try {
    for (const list of Object.values(COMPARED)) {
      if ((await firstDifference(vault.address, list)) !== undefined) return true;
    }
    return false;
  } catch {
    return true;
  } finally {
    await vault.close();
  }
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

const bundle = await bundleDevVault();
const mutants = mutantsOf(bundle, (texts) => recordedIn(texts).length > 0);
const loader = new MutantLoader();
t.teardown(() => {
  loader.close();
});
const unchanged = await loader.load(bundle);

/** Which literals are evaluated as the module loads: constants, of which nobody sees when they are sent. */
const atLoad = new Set<number>();
/** Which literals the answers to each transcript are made of. */
const reachedBy = new Map<string, Set<number>>();

async function watchTheReplay(): Promise<void> {
  let reached = atLoad;
  Object.assign(globalThis, {
    [REACHED]: (index: number) => {
      reached.add(index);
    },
  });
  const start = await loader.load(reportingBundle(bundle, mutants));
  for (const name of TRANSCRIPTS) {
    reached = new Set();
    reachedBy.set(name, reached);
    if (await replayShowsADifference(start, name)) throw new Error(`${name} differs by itself`);
  }
  Reflect.deleteProperty(globalThis, REACHED);
}

await watchTheReplay();

t.test('nothing changed: no difference', async (t) => {
  t.notOk(await isNoticedByReplay(unchanged, TRANSCRIPTS));
  t.notOk(await isNoticedByFurtherAnswers(unchanged));
});

t.test('every status and error text that answers a recorded request', async (t) => {
  const unnoticed: string[] = [];
  const noticed: Mutant[] = [];
  for (const [index, mutant] of mutants.entries()) {
    const reaching = [...reachedBy].filter(([, reached]) => reached.has(index));
    const isConstant = atLoad.has(index);
    const transcripts = isConstant ? TRANSCRIPTS : reaching.map(([name]) => name);
    if (transcripts.length === 0) continue;
    if (await isNoticedByReplay(await loader.load(mutant.code), transcripts)) noticed.push(mutant);
    else if (!isConstant || recordedIn(mutant.texts).length > 0) unnoticed.push(describe(mutant));
  }
  t.comment(
    `${noticed.length} of ${noticed.length + unnoticed.length} noticed by the replay alone`,
  );
  t.strictSame(unnoticed, [], 'is noticed by the replay alone when it is changed');

  const own = noticed.filter(({ what, texts }) => what === 'text' && texts.length > 0);
  const uncovered = [...new Set([...recorded.values()].flat())].filter(
    (error) => !own.some(({ texts }) => texts.every((text) => error.includes(text))),
  );
  t.strictSame(uncovered, [], 'and no recorded error text comes from anywhere else');

  const statuses = noticed.filter(({ what }) => what === 'status').map(({ before }) => before);
  const refusals = TRANSCRIPTS.flatMap((name) => readTranscript(name))
    .map(({ response }) => String(response.status))
    .filter((status) => status >= '300');
  const unexplained = [...new Set(refusals)].filter((status) => !statuses.includes(status));
  t.strictSame(unexplained, [], 'nor any recorded status of a refusal');
});

t.test('recorded words at a place that no transcript leads to', { timeout: 600_000 }, async (t) => {
  const survivors: string[] = [];
  const silent: string[] = [];
  let noticed = 0;
  for (const mutant of mutants) {
    const where = recordedIn(mutant.texts);
    if (where.length === 0 && !IS_FULL) continue;
    const order = [...where, ...TRANSCRIPTS.filter((name) => !where.includes(name))];
    const start = await loader.load(mutant.code);
    if (
      (await isNoticedByReplay(start, IS_FULL ? order : where)) ||
      (await isNoticedByFurtherAnswers(start))
    ) {
      noticed += 1;
    } else if (where.length > 0 && !isElsewhere(mutant)) {
      survivors.push(describe(mutant));
    } else silent.push(describe(mutant));
  }
  t.comment(`${mutants.length} mutants, ${noticed} noticed, ${silent.length} not recorded`);
  for (const one of silent) t.comment(`not recorded: ${one}`);
  t.ok(noticed >= 60, `${noticed} changed literals noticed`);
  t.strictSame(survivors, [], 'are noticed by the replay and the further answers together');
});
