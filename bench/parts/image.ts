// The program that is measured: the files of the image, warmed up as the image build does, with the flags and the
// environment of the Dockerfile.
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { imageConfigOf, parseDockerfile } from '../../test/deploy/dockerfile.js';

const execute = promisify(execFile);

export interface Image {
  /** Of node: flags, then the program. */
  readonly args: readonly string[];
  readonly healthcheck: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Without the image's start: `dev` for the Vault. */
  readonly program: string;
}

/** Builds into `folder`. */
export async function buildImage(folder: string): Promise<Image> {
  const app = join(folder, 'app');
  await mkdir(app, { recursive: true });
  await execute(process.execPath, ['scripts/build.mjs', '--out', app]);
  for (const file of ['start.cjs', 'warm.cjs']) {
    await copyFile(`deploy/image/${file}`, join(app, file));
  }
  const config = imageConfigOf(parseDockerfile(await readFile('deploy/Dockerfile', 'utf8')));
  const ofNode = (command: readonly string[]) =>
    command
      .slice(command.indexOf('/nodejs/bin/node') + 1)
      .map((word) => word.replace(/^\/app\//, `${app}/`));
  const args = ofNode(config.entrypoint);
  const env = { ...config.env, KEYTENDER_LISTEN_PROBE_ADDRESS: '127.0.0.1:0' };
  await execute(process.execPath, [...args.slice(0, -1), join(app, 'warm.cjs')], {
    env: { PATH: process.env['PATH'] },
  });
  return {
    args: [...args, ...config.cmd],
    healthcheck: ofNode(config.healthcheck),
    env,
    program: join(app, 'keytender.cjs'),
  };
}
