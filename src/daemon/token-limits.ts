// What the settings say of a token: its limits, and the text it starts with where there is one.
import type { Config, TokenConfig } from '../config/config.js';
import { ConfigProblem } from '../config/problem.js';
import { tokenTextProblem } from '../token/document.js';
import type { TokenLimits } from '../token/snapshot.js';

export function tokenLimits(config: Config, token: TokenConfig): TokenLimits {
  return {
    graceMs: token.graceMs,
    supersededMax: config.token.supersededMax,
    onDeleted: config.refresh.onDeleted,
  };
}

/** The text of `token.initial`. Throws `ConfigProblem` when it is no token. */
export async function readTokenText({ token: { initial } }: Config): Promise<string> {
  const text = (await initial?.read()) ?? '';
  const problem = tokenTextProblem(text, 'the token');
  if (problem === null) return text;
  throw new ConfigProblem(
    'token.initial',
    problem,
    'set AGENT_TOKEN or AGENT_TOKEN_FILE to a strong one, such as the output of openssl rand -base64 32',
  );
}
