// What the commands end with (docs/cli.md). Scripts and orchestrators hold on to these numbers.

export const exitCode = {
  done: 0,
  /** What was asked for did not hold or did not work: unhealthy, refused, unreachable. */
  failed: 1,
  /** The command line or the settings are wrong; nothing was tried. */
  usage: 2,
  /** A bug of ours. */
  bug: 70,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];
