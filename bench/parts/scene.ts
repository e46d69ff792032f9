// What every part measures: the shipped program in front of a dev Vault in another process, and what it is compared
// with.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { buildImage, type Image } from './image.js';
import { freePort, Program } from './program.js';

export interface Server extends AsyncDisposable {
  readonly program: Program;
  readonly port: number;
  /** Answers 200 as soon as it is of use. */
  readonly readyPath: string;
}

export const ROOT_TOKEN = 'root';
const SECRET = 'v1/secret/data/keytender/default/token';

export class Scene implements AsyncDisposable {
  readonly folder: string;
  readonly image: Image;
  readonly vaultUrl: string;
  readonly #vault: Program;

  private constructor(folder: string, image: Image, vaultUrl: string, vault: Program) {
    this.folder = folder;
    this.image = image;
    this.vaultUrl = vaultUrl;
    this.#vault = vault;
  }

  static async build(folder: string): Promise<Scene> {
    const image = await buildImage(folder);
    const address = `127.0.0.1:${await freePort()}`;
    const options = ['--vault-only', '--vault-address', address, '--root-token', ROOT_TOKEN];
    const vault = new Program(process.execPath, [image.program, 'dev', ...options], {});
    await vault.untilAnswers(`http://${address}/v1/sys/health`);
    const scene = new Scene(folder, image, `http://${address}`, vault);
    // nothing of the first token that the dev Vault wrote is left: one key is held, as on most days
    await scene.write(1, 0);
    return scene;
  }

  /** The key of a version. */
  key(version: number): string {
    return `key-of-version-${version}-`.padEnd(40, 'x');
  }

  /** Writes a version; `graceSeconds` where the agent's default is not wanted. */
  async write(version: number, graceSeconds?: number): Promise<void> {
    const grace = graceSeconds === undefined ? {} : { grace_seconds: graceSeconds };
    const response = await fetch(`${this.vaultUrl}/${SECRET}`, {
      method: 'POST',
      headers: { 'x-vault-token': ROOT_TOKEN },
      body: JSON.stringify({ data: { token: this.key(version), ...grace } }),
    });
    if (!response.ok) throw new Error(`the dev Vault answered ${response.status}`);
    await response.arrayBuffer();
  }

  /** One read over a socket that is open. */
  readRequest(): Buffer {
    const { host } = new URL(this.vaultUrl);
    return Buffer.from(
      `GET /${SECRET} HTTP/1.1\r\nhost: ${host}\r\nx-vault-token: ${ROOT_TOKEN}\r\n\r\n`,
    );
  }

  /** `preload`: loaded into it first. */
  async keytender(env: Readonly<Record<string, string>> = {}, preload?: string): Promise<Server> {
    const port = await freePort();
    const args = preload === undefined ? [] : ['--require', resolve(preload)];
    return serverOf(port, '/readyz', process.execPath, [...args, ...this.image.args], {
      ...this.image.env,
      VAULT_ADDR: this.vaultUrl,
      VAULT_TOKEN: ROOT_TOKEN,
      KEYTENDER_LISTEN_ADDRESS: `127.0.0.1:${port}`,
      ...env,
    });
  }

  /** `bench/servers/NAME.cjs`. */
  async bare(name: 'hello' | 'fastify'): Promise<Server> {
    const port = await freePort();
    const file = join('bench/servers', `${name}.cjs`);
    return serverOf(port, '/', process.execPath, [file], { PORT: String(port) });
  }

  /** Reads Vault once for each request and answers how long that took: bench/servers/reader.cjs. */
  async reader(): Promise<Server> {
    const port = await freePort();
    return serverOf(port, '/', process.execPath, ['bench/servers/reader.cjs'], {
      PORT: String(port),
      VAULT_URL: `${this.vaultUrl}/${SECRET}`,
      VAULT_TOKEN: ROOT_TOKEN,
    });
  }

  /** The agents of others that are on this machine, by name. */
  peers(): ReadonlyMap<string, () => Promise<Server>> {
    const found = ['bao', 'vault'].filter((name) =>
      (process.env['PATH'] ?? '').split(delimiter).some((place) => existsSync(join(place, name))),
    );
    return new Map(found.map((name) => [`${name} agent`, () => this.#peer(name)]));
  }

  /** Renders the same secret to a file, at the same interval, and answers for its Vault. */
  async #peer(name: string): Promise<Server> {
    const port = await freePort();
    const file = join(this.folder, `${name}-${port}.hcl`);
    const login = join(this.folder, 'login');
    writeFileSync(login, ROOT_TOKEN, { mode: 0o600 });
    const quoted = (value: string) => JSON.stringify(value);
    writeFileSync(
      file,
      `vault { address = ${quoted(this.vaultUrl)} }
auto_auth {
  method { type = "token_file"
    config = { token_file_path = ${quoted(login)} } }
}
api_proxy { use_auto_auth_token = true }
listener "tcp" { address = "127.0.0.1:${port}"
  tls_disable = true }
template_config { static_secret_render_interval = "60s" }
template { contents = "{{ with secret \\"secret/data/keytender/default/token\\" }}{{ .Data.data.token }}{{ end }}"
  destination = ${quoted(join(this.folder, `${name}-${port}.out`))} }
`,
    );
    return serverOf(port, `/${SECRET}`, name, ['agent', `-config=${file}`], {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#vault[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function serverOf(
  port: number,
  readyPath: string,
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Server {
  const program = new Program(command, args, env);
  return {
    program,
    port,
    readyPath,
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

/** Milliseconds from its start to its first good answer. */
export function untilReady({ program, port, readyPath }: Server, path = readyPath) {
  return program.untilAnswers(`http://127.0.0.1:${port}${path}`);
}
