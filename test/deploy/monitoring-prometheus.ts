// A Prometheus with the rules of deploy/monitoring/, every duration in them divided so that a test sees minutes pass in
// seconds: what is measured, compared and aggregated is as it is written.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, freePort } from '../docs/terminal.js';
import { RULES } from './monitoring-files.js';

const PROGRAM = 'prometheus';
/** A minute of the rules takes a second. */
const FASTER = 60;
const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `text` with its `for`, its windows and its offsets shortened; a window has at least four scrapes. */
export function shortened(text: string): string {
  const short = (count: string, unit: string, leastSeconds: number): string => {
    const seconds = (Number(count) * (unitSeconds[unit] ?? 0)) / FASTER;
    return `${Math.round(Math.max(leastSeconds, seconds) * 1000)}ms`;
  };
  return text
    .replaceAll(
      /^( +for: )(\d+)([smhd])$/gm,
      (_, head: string, n: string, unit: string) => `${head}${short(n, unit, 1)}`,
    )
    .replaceAll(/\[(\d+)([smhd])\]/g, (_, n: string, unit: string) => `[${short(n, unit, 4)}]`)
    .replaceAll(
      /offset (\d+)([smhd])/g,
      (_, n: string, unit: string) => `offset ${short(n, unit, 4)}`,
    );
}

export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

export class Prometheus implements AsyncDisposable {
  readonly #folder: string;
  readonly #url: string;
  readonly #ended: Promise<unknown>;
  readonly #stop: () => void;
  #output = '';

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#url = `http://127.0.0.1:${port}`;
    const child = spawn(
      PROGRAM,
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
    this.#ended = new Promise((resolve) => child.once('close', resolve));
    this.#stop = () => child.kill('SIGTERM');
  }

  /** `targets`: host:port of agents. */
  static async start(targets: readonly string[]): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'kt-'));
    writeFileSync(join(folder, 'rules.yaml'), shortened(readFileSync(RULES, 'utf8')));
    const labels = { cluster: 'one', namespace: 'shop' };
    const config = {
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: ['rules.yaml'],
      scrape_configs: [{ job_name: 'keytender', static_configs: [{ targets, labels }] }],
    };
    writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
    const prometheus = new Prometheus(folder, await freePort());
    await eventually(() => prometheus.query('up == 1'), 30_000);
    return prometheus;
  }

  async #get(path: string): Promise<unknown> {
    const response = await fetch(`${this.#url}${path}`);
    if (!response.ok) throw new Error(`${await response.text()}\n${this.#output.slice(-2000)}`);
    return ((await response.json()) as { readonly data: unknown }).data;
  }

  /** The samples' values. Rejects where there is none, or the query cannot be read. */
  async query(expr: string): Promise<readonly string[]> {
    const values = await this.ask(expr);
    if (values.length === 0) throw new Error(`nothing for ${expr}`);
    return values;
  }

  /** As `query`; none is an answer. */
  async ask(expr: string): Promise<readonly string[]> {
    const { result } = (await this.#get(`/api/v1/query?query=${encodeURIComponent(expr)}`)) as {
      readonly result: readonly { readonly value: readonly [number, string] }[];
    };
    return result.map(({ value }) => value[1]);
  }

  async firing(): Promise<readonly Alert[]> {
    const { alerts } = (await this.#get('/api/v1/alerts')) as { readonly alerts: readonly Alert[] };
    return alerts.filter(({ state }) => state === 'firing');
  }

  /** Until an alert of this name and severity fires; resolves with it. */
  async untilFiring(name: string, severity: string): Promise<Alert> {
    return eventually(async () => {
      const alerts = await this.firing();
      const found = alerts.find(
        ({ labels }) => labels['alertname'] === name && labels['severity'] === severity,
      );
      if (found === undefined) throw new Error(`${name} is silent: ${JSON.stringify(alerts)}`);
      return found;
    }, 60_000);
  }

  async untilSilent(): Promise<void> {
    await eventually(async () => {
      const alerts = await this.firing();
      if (alerts.length > 0) throw new Error(`still firing: ${JSON.stringify(alerts)}`);
    }, 60_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
    await this.#ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
