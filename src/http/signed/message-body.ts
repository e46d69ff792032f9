// The messages that `/sign` and `/verify` are given: a request, or with `status` and `request` the answer to one.
import type { RequestMessage, ResponseMessage } from '../../signature/index.js';
import { Problem } from '../problems.js';
import {
  headersOf,
  malformed,
  membersOf,
  optionalBytes,
  optionalText,
  textOf,
} from './request-body.js';
import type { Members } from './request-body.js';

export const DEFAULT_TAG = 'keytender-service';
const RESERVED_TAGS = 'keytender-';

export type DescribedMessage =
  | { readonly kind: 'request'; readonly request: RequestMessage; readonly body?: Buffer }
  | {
      readonly kind: 'answer';
      readonly answer: ResponseMessage;
      readonly request: RequestMessage;
      readonly body?: Buffer;
    };

/** The members of a body that describe a message. */
export const messageMembers = ['method', 'url', 'headers', 'body', 'tag', 'status', 'request'];

/** Throws `Problem` `malformed_request`. */
export function describedMessage(members: Members): DescribedMessage {
  const body = optionalBytes(members, 'body');
  const content = body === undefined ? {} : { body };
  const { status, request } = members;
  if (status === undefined && request === undefined) {
    return { kind: 'request', request: requestOf(members), ...content };
  }
  const isStatus = typeof status === 'number' && Number.isInteger(status);
  if (!isStatus || status < 100 || status > 999 || members['method'] !== undefined) {
    throw malformed();
  }
  return {
    kind: 'answer',
    answer: { status, headers: headersOf(members, 'headers') },
    request: requestOf(membersOf(request, ['method', 'url', 'headers'])),
    ...content,
  };
}

/** Throws `Problem` `reserved_tag`: what is ours proves that a message came from or went to an agent. */
export function tagOf(members: Members): string {
  const tag = optionalText(members, 'tag') ?? DEFAULT_TAG;
  if (tag !== DEFAULT_TAG && tag.startsWith(RESERVED_TAGS)) throw new Problem('reserved_tag');
  return tag;
}

function requestOf(members: Members): RequestMessage {
  return {
    method: textOf(members, 'method'),
    url: textOf(members, 'url'),
    headers: headersOf(members, 'headers'),
  };
}
