// A token as the API shows it (docs/api.md), with values or without. One of the named places where a value leaves.
import type { TokenHealth } from '../../health/body.js';
import { instantText } from '../../health/instant-text.js';
import type { AgentToken } from '../../token/agent-token.js';
import type { TokenLook } from './api-token.js';

interface SupersededView {
  readonly value?: string;
  readonly version: number | null;
  readonly usable_until: string;
}

export interface TokenView {
  readonly name: string;
  /** Without `token:read`, and of a token that is not usable: left out. */
  readonly value?: string;
  readonly version: number | null;
  readonly revision: string;
  readonly created_at: string | null;
  readonly age_seconds: number | null;
  readonly state: TokenHealth['state'];
  readonly superseded: readonly SupersededView[];
  readonly pending: {
    readonly value?: string;
    readonly version: number;
    readonly not_before: string;
  } | null;
}

export function tokenView(
  name: string,
  look: TokenLook,
  revision: string,
  withValues: boolean,
): TokenView {
  const { snapshot, isUsable } = look;
  const { version, created_at, age_seconds, state } = look.health();
  const isShown = withValues && isUsable;
  const [next] = snapshot.pending;
  return {
    name,
    ...(isShown && snapshot.current !== null ? valueOf(snapshot.current.value) : {}),
    version,
    revision,
    created_at,
    age_seconds,
    state,
    superseded: snapshot.superseded.map((one) => ({
      ...(isShown ? valueOf(one.value) : {}),
      version: one.version,
      usable_until: instantText(one.usableUntil),
    })),
    pending:
      next === undefined
        ? null
        : {
            ...(isShown ? valueOf(next.value) : {}),
            version: next.version,
            not_before: instantText(next.notBeforeAt),
          },
  };
}

/** Opaque; changes with anything that `tokenView` shows but the age. `process`: random for each process. */
export function revisionOf({ snapshot, health }: TokenLook, process: string): string {
  return `${process}-${snapshot.revision}-${health().state}`;
}

function valueOf(token: AgentToken): { readonly value: string } {
  return { value: token.reveal() };
}
