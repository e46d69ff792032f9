// What happens to a token, for whoever runs the agent in the same process: `keytender dev` prints a line of each.

export interface AgentEvent {
  readonly type:
    'loaded' | 'rotated' | 'pending' | 'cancelled' | 'revoked' | 'expired' | 'failed' | 'recovered';
  /** The token's name. */
  readonly token: string;
  readonly version: number | null;
  /** For a person; never a secret. */
  readonly message: string;
}

export type TellEvent = (event: AgentEvent) => void;
