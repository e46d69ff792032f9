// .github/workflows: what it runs is there, and the suite before a real server gets the names that the tests read.
import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';

interface Step {
  readonly run?: string;
  readonly uses?: string;
}

interface Job {
  readonly env?: Readonly<Record<string, string>>;
  readonly strategy: { readonly matrix: { readonly include?: readonly { image: string }[] } };
  readonly services?: Readonly<
    Record<
      string,
      {
        readonly image: string;
        readonly env: Readonly<Record<string, string>>;
        readonly options?: string;
      }
    >
  >;
  readonly steps: readonly Step[];
}

const { jobs } = parse(readFileSync('.github/workflows/ci.yml', 'utf8')) as {
  readonly jobs: Readonly<Record<string, Job>>;
};
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};

t.test('every command of the workflow is a script that is there', async (t) => {
  const commands = Object.values(jobs).flatMap(({ steps }) =>
    steps.flatMap(({ run }) => run ?? []),
  );
  t.ok(commands.length >= 3);
  for (const command of commands) {
    const script = /^npm run (\S+)(?: -- .+)?$/.exec(command)?.[1];
    const isThere =
      script === undefined ? command === 'npm ci' || existsSync(command) : script in scripts;
    t.ok(isThere, command);
  }
});

t.test('the suite runs before both servers, with a root token that both take', async (t) => {
  const job = jobs['real-vault']!;
  const images = job.strategy.matrix.include?.map(({ image }) => image.split(':')[0]);
  t.same(images, ['openbao/openbao', 'hashicorp/vault']);
  t.match(job.env, { TEST_VAULT_ADDR: 'http://127.0.0.1:8200' });
  const { env, options } = job.services!['vault']!;
  const seenAs = job.env?.['TEST_VAULT_SEES_US_AS'] ?? '';
  t.match(options, `--add-host=${seenAs}:host-gateway`, 'and it can ask back');
  for (const name of ['BAO_DEV_ROOT_TOKEN_ID', 'VAULT_DEV_ROOT_TOKEN_ID']) {
    t.equal(env[name], job.env?.['TEST_VAULT_TOKEN']);
  }
  t.equal(job.steps.at(-1)?.run, 'npm run test:vault');
  const files = /tap .*?((?: test\/\S+\/\*\.test\.ts)+)$/.exec(scripts['test:vault'] ?? '')?.[1];
  const folders = (files ?? '')
    .trim()
    .split(' ')
    .map((glob) => dirname(glob));
  for (const folder of folders) t.ok(existsSync(folder), folder);
  t.ok(folders.includes('test/integration'), 'all that is integration');
});
