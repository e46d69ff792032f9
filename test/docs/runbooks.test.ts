// docs/runbooks.md: a section for each alert and none without, and each section pasted where its trouble is, with what
// `/health` says after each command. Every section has a Vault, an agent and a folder of its own.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { devVault, type DevVault } from '../../src/dev-vault/index.js';
import { alertNames } from '../deploy/monitoring-files.js';
import { blocksOf, page, type Block } from './markdown.js';
import { buildFolder, eventually, freePort, Terminal } from './terminal.js';

const SECRET = 'keytender/default/token';
const POLICY = page('deploy/vault/policy.hcl');
const HEALTH = 'http://127.0.0.1:8210';
const AT_ONCE = 3;
const text = page('docs/runbooks.md');
const value = (name: string): Record<string, unknown> => ({ token: name.padEnd(32, '-') });

interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
}

const sections: readonly Section[] = text
  .split(/^## /m)
  .slice(1)
  .map((part) => ({ title: part.split('\n')[0] ?? '', blocks: blocksOf(part) }));
const isAlert = (title: string): boolean => title.startsWith('Keytender');

/** Where a section is played. */
class Stage implements AsyncDisposable {
  readonly folder = buildFolder();
  readonly #vaults: DevVault[] = [];
  readonly host: Terminal;
  readonly operator: Terminal;
  readonly health: string;
  readonly #command: string;

  private constructor(vault: DevVault, port: number, scene: Scene) {
    this.#vaults.push(vault);
    this.health = `http://127.0.0.1:${port}`;
    this.#command = `keytender agent${scene.settings === undefined ? '' : ' --config keytender.yaml'}`;
    const replace = {
      [HEALTH]: this.health,
      '/run/app': join(this.folder.path, 'run-app'),
    };
    const env = { VAULT_ADDR: vault.address };
    this.operator = new Terminal({
      folder: this.folder,
      replace,
      env: { ...env, VAULT_TOKEN: 'root', UNSEAL_KEY: vault.unsealKey },
    });
    this.host = new Terminal({
      folder: this.folder,
      replace,
      env: {
        ...env,
        VAULT_TOKEN_FILE: join(this.folder.path, 'vault-token'),
        KEYTENDER_LISTEN_ADDRESS: `127.0.0.1:${port}`,
        KEYTENDER_LISTEN_SOCKET: join(this.folder.path, 'agent.sock'),
        KEYTENDER_REFRESH_INTERVAL: '1s',
      },
    });
    const login = scene.isRoot === true ? 'root' : this.newLogin();
    writeFileSync(join(this.folder.path, 'vault-token'), login, { mode: 0o600 });
    this.write(scene.settings ?? '');
  }

  static async open(scene: Scene): Promise<Stage> {
    const vault = await devVault({ rootToken: 'root' });
    vault.kv.put(SECRET, value('first'));
    vault.policy('keytender', POLICY);
    return new Stage(vault, await freePort(), scene);
  }

  async start(): Promise<void> {
    await this.host.paste(this.#command);
    await this.until({ tokens: { default: { version: 1 } } });
  }

  get vault(): DevVault {
    return this.#vaults.at(-1)!;
  }

  newLogin(ttlSeconds = 3600): string {
    return this.vault.token({ policies: ['keytender'], ttlSeconds }).token;
  }

  write(settings: string): void {
    const here = settings.replaceAll('/run/app', join(this.folder.path, 'run-app'));
    writeFileSync(join(this.folder.path, 'keytender.yaml'), here);
  }

  /** Another Vault in the place of this one, with what is put into it `agoMs` before now. */
  async replaceVault(agoMs: number, fill: (vault: DevVault) => void): Promise<void> {
    const address = new URL(this.vault.address).host;
    await this.vault.close();
    let shiftMs = agoMs;
    const now = (): number => Date.now() - shiftMs;
    const vault = await devVault({ rootToken: 'root', address, now });
    this.#vaults.push(vault);
    vault.policy('keytender', POLICY);
    fill(vault);
    shiftMs = 0;
  }

  /** Until `/health` is what is wanted, in part. */
  async until(wanted: unknown): Promise<unknown> {
    return eventually(async () => {
      const found: unknown = await (await fetch(`${this.health}/health`)).json();
      if (!has(found, wanted)) throw new Error(`${JSON.stringify(found)}\n${this.host.output}`);
      return found;
    }, 20_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host.stop();
    await this.vault.close();
    this.folder[Symbol.dispose]();
  }
}

interface Scene {
  /** The agent reads with the root token, which another Vault knows too. */
  readonly isRoot?: boolean;
  readonly settings?: string;
  readonly trouble?: (stage: Stage) => Promise<unknown> | undefined;
}

const rotate = async (stage: Stage, fields = {}): Promise<unknown> => {
  stage.vault.kv.put(SECRET, { ...value('second'), ...fields });
  return stage.until({ tokens: { default: { version: 2 } } });
};

const restore = async (stage: Stage): Promise<unknown> => {
  await rotate(stage);
  return stage.replaceVault(3_600_000, (vault) => vault.kv.put(SECRET, value('first')));
};

function done(act: (stage: Stage) => unknown): (stage: Stage) => undefined {
  return (stage) => {
    act(stage);
  };
}

/** What has happened before somebody opens the section; nothing where it is not listed. */
const scenes: Readonly<Record<string, Scene>> = {
  KeytenderTokenUnusable: {
    trouble: done(({ vault }) => {
      vault.kv.destroy(SECRET, [1]);
    }),
  },
  KeytenderRefreshFailing: {
    trouble: done(({ vault }) => {
      vault.seal();
    }),
  },
  KeytenderStaleSoon: {
    trouble: done(({ vault }) => {
      vault.policy('keytender', 'path "other/*" { capabilities = ["read"] }');
    }),
  },
  KeytenderTokenExpiresSoon: {
    trouble: (stage) =>
      rotate(stage, { expires_at: new Date(Date.now() + 3_600_000).toISOString() }),
  },
  KeytenderRegressed: { isRoot: true, trouble: restore },
  KeytenderSupersededKeyInUse: { trouble: (stage) => rotate(stage) },
  KeytenderLoginExpiring: {
    trouble: done((stage) => {
      writeFileSync(join(stage.folder.path, 'vault-token'), stage.newLogin(60));
    }),
  },
  KeytenderSinkFailing: {
    settings: 'sinks:\n  - { name: app, type: file, path: /run/app/token }\n',
  },
  KeytenderReloadFailed: {
    settings: 'refresh:\n  interval: 1s\n',
    trouble: async (stage) => {
      stage.write('refresh:\n  intervall: 1s\n');
      process.kill(stage.host.pid!, 'SIGHUP');
      await eventually(async () => {
        const metrics = await (await fetch(`${stage.health}/metrics`)).text();
        if (!metrics.includes('\nkeytender_config_last_reload_successful 0\n'))
          throw new Error(stage.host.output);
      });
    },
  },
  'Wrong value written': { trouble: done(({ vault }) => vault.kv.put(SECRET, { token: 'short' })) },
  'Roll back': { trouble: (stage) => rotate(stage) },
  'Accidental delete': {
    trouble: done(({ vault }) => {
      vault.kv.delete(SECRET);
    }),
  },
  'Vault lost': {
    isRoot: true,
    trouble: (stage) => stage.replaceVault(0, () => undefined),
  },
  'Vault restored from a snapshot': { isRoot: true, trouble: restore },
};

/** What else is so at the end of a section. */
const afterwards: Readonly<Record<string, (stage: Stage) => Promise<unknown>>> = {
  KeytenderSupersededKeyInUse: (stage) =>
    eventually(async () => {
      const { tokens } = (await (await fetch(`${stage.health}/health`)).json()) as {
        readonly tokens: Readonly<
          Record<string, { readonly superseded: readonly { readonly usable_until: string }[] }>
        >;
      };
      const until = Date.parse(tokens['default']?.superseded[0]?.usable_until ?? '');
      if (!(until > Date.now() + 80_000_000)) throw new Error('the grace is as it was');
    }),
  'Vault lost': async (stage) => {
    const { token } = stage.vault.kv.get(SECRET)?.data ?? {};
    if (token !== value('first')['token']) throw new Error('the value is another');
  },
};

/** Whether all of `wanted` is in `found`; lists have as many items. */
function has(found: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return found === wanted;
  if (typeof found !== 'object' || found === null) return false;
  if (Array.isArray(wanted) && wanted.length !== (found as unknown[]).length) return false;
  return Object.entries(wanted).every(([key, value]) =>
    has((found as Record<string, unknown>)[key], value),
  );
}

async function play({ title, blocks }: Section): Promise<void> {
  const scene = scenes[title] ?? {};
  await using stage = await Stage.open(scene);
  await stage.start();
  await scene.trouble?.(stage);
  for (const block of blocks) {
    if (block.language === 'json') await stage.until(JSON.parse(block.text));
    else {
      const place = block.mark === 'vault' ? stage.operator : stage.host;
      await place.paste(block.text.replace('$PID', String(stage.host.pid)));
    }
  }
  await afterwards[title]?.(stage);
}

t.test(
  'every alert has its section, and every section that is called like one its alert',
  async (t) => {
    const titles = sections.map(({ title }) => title).filter(isAlert);
    t.strictSame([...titles].sort(), [...alertNames].sort());
  },
);

t.test('every section ends with what /health says, and all is run', async (t) => {
  for (const { title, blocks } of sections.slice(1)) {
    t.strictSame(
      blocks.filter(({ language }) => !/^(?:sh|json)$/.test(language)),
      [],
      title,
    );
    for (const { language, mark } of blocks)
      t.match(mark, language === 'json' ? /^health$/ : /^(?:vault|agent)$/, title);
    for (const [at, { language }] of blocks.entries())
      if (language === 'sh') t.equal(blocks[at + 1]?.language, 'json', `${title}: after each`);
  }
  t.strictSame(sections[0]?.blocks, []);
  const titles = sections.map(({ title }) => title);
  for (const title of Object.keys({ ...scenes, ...afterwards }))
    t.ok(titles.includes(title), title);
});

t.test('each section works when it is pasted', { timeout: 200_000 }, async (t) => {
  t.equal(spawnSync('curl', ['--version']).status, 0, 'there is curl');
  const waiting = sections.slice(1);
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      await t.resolves(play(next), next.title);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
});
