// The answer that a fault puts in the place of the right one, where it does. Pure.
import type { Answer } from '../http/answer.js';
import type { RequestFault } from './fault.js';

/** Undefined: the right answer is wanted (and may still be sent badly). `target` is the path with its query. */
export function replacedAnswer(
  fault: RequestFault | undefined,
  target: string,
): Answer | undefined {
  switch (fault?.kind) {
    case 'status':
      return {
        status: fault.status,
        body: bodyText(fault.body),
        ...(fault.headers === undefined ? {} : { headers: lowerNames(fault.headers) }),
      };
    case 'redirect':
      return {
        status: fault.status ?? 307,
        body: '',
        headers: { location: locationOf(fault.to, target) },
      };
    case 'reset':
    case 'hang':
    case 'oversized':
    case 'garbage':
      return { status: 200, body: '' };
    default:
      return undefined;
  }
}

/** Header and body of a right answer under another content type. */
export function retypedAnswer(fault: RequestFault | undefined, answer: Answer): Answer {
  if (fault?.kind !== 'content-type') return answer;
  return {
    status: answer.status,
    body: fault.body ?? answer.body,
    headers: { ...answer.headers, 'content-type': fault.contentType },
  };
}

function bodyText(body: unknown): string {
  if (body === undefined) return '{"errors":[]}\n';
  return typeof body === 'string' ? body : `${JSON.stringify(body)}\n`;
}

function lowerNames(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

function locationOf(to: string, target: string): string {
  const hasPath = /^https?:\/\/[^/]+\/./.test(to);
  return hasPath ? to : to.replace(/\/$/, '') + target;
}
