// The signature base (RFC 9421 §2.5): the exact bytes that are signed. One line a component, the signature
// parameters last. ASCII by construction; a component that occurs twice, or has no value, makes no base.
import { componentIdentity } from './component.js';
import type { Component } from './component.js';
import { componentValue, structuredTypes } from './component-value.js';
import type { StructuredTypes } from './component-value.js';
import type { MessageView } from './message.js';
import { refuse } from './refusal.js';
import type { Refusal } from './refusal.js';

export type SignatureBase = { readonly ok: true; readonly base: string } | Refusal;

/**
 * @param components covered, in order
 * @param signatureParams the strict text of the components and signature parameters (`signatureParamsText`)
 * @param types structured types beyond the registered ones
 */
export function signatureBase(
  message: MessageView,
  components: readonly Component[],
  signatureParams: string,
  types: StructuredTypes = structuredTypes,
): SignatureBase {
  const identities: string[] = [];
  let base = '';
  for (const component of components) {
    const found = componentValue(component, message, types);
    if (!found.ok) return refuse(found.reason);
    const { text } = component;
    const identity = componentIdentity(component);
    if (identities.includes(identity)) return refuse('unsupported_component');
    identities.push(identity);
    base += `${text}: ${found.value}\n`;
  }
  return { ok: true, base: `${base}"@signature-params": ${signatureParams}` };
}
