// Component identifiers (RFC 9421 §2): a name and its parameters. Owns how they are written, compared and read
// back; what value they have in a message is `component-value.ts`.
import { bareItemText, itemText, parametersText } from './structured-field-text.js';
import { parseItem } from './structured-field.js';
import type { Item, Parameters } from './structured-field.js';
import { SigningError } from './signing-error.js';

export interface Component {
  readonly name: string;
  readonly parameters: Parameters;
  /** The identifier as it stands in a signature base: `"@method";req`. */
  readonly text: string;
}

/** The component that an item of a `Signature-Input` list names; undefined when it is no string. */
export function componentOf(item: Item): Component | undefined {
  if (typeof item.value !== 'string') return undefined;
  const usual = item.parameters.size === 0 ? usualComponents.get(item.value) : undefined;
  if (usual !== undefined) return usual.plain;
  return { name: item.value, parameters: item.parameters, text: itemText(item) };
}

/**
 * A component without parameters.
 * @throws SigningError `malformed_value` for a name that no field can carry
 */
export function plainComponent(name: string): Component {
  return usualComponents.get(name)?.plain ?? makePlain(name);
}

/**
 * Reads `@method`, `content-type`, `@method;req` or the quoted form `"x";key="a"`.
 * @throws SigningError `malformed_value` when it is no component identifier
 */
export function parseComponent(text: string): Component {
  const at = text.indexOf(';');
  const quoted = text.startsWith('"')
    ? text
    : `"${at < 0 ? text : text.slice(0, at)}"${at < 0 ? '' : text.slice(at)}`;
  const item = parseItem(quoted);
  const component = item && componentOf(item);
  if (component === undefined) {
    throw new SigningError(
      'malformed_value',
      'a component must be a name with optional parameters',
    );
  }
  return component;
}

/** The identifier as it stands in a signature base: `"@method";req`. */
export function componentText({ text }: Component): string {
  return text;
}

/** The identifier for people and for `covered` lists: `@method;req`. */
export function componentLabel({ name, parameters }: Component): string {
  return parameters.size === 0 ? name : name + parametersText(parameters);
}

/** Equal for identifiers that are the same component: the order of parameters does not count (RFC 9421 §2). */
export function componentIdentity(component: Component): string {
  if (component.parameters.size < 2) return component.text;
  const sorted = [...component.parameters].sort(([a], [b]) => (a < b ? -1 : 1));
  return itemText({ kind: 'item', value: component.name, parameters: new Map(sorted) });
}

/** The same component of the request that an answer belongs to. */
export function ofRequest(component: Component): Component {
  const { name, parameters } = component;
  if (parameters.size === 0) return usualComponents.get(name)?.ofRequest ?? withReq(component);
  const item: Item = { kind: 'item', value: name, parameters: new Map([...parameters, reqFlag]) };
  return { name, parameters: item.parameters, text: itemText(item) };
}

/** The value of the last line of a signature base: covered components and signature parameters. */
export function signatureParamsText(
  components: readonly Component[],
  parameters: Parameters,
): string {
  return `(${components.map(({ text }) => text).join(' ')})${parametersText(parameters)}`;
}

const reqFlag = ['req', true] as const;
const noParameters: Parameters = new Map();
const onlyReq: Parameters = new Map([reqFlag]);

function makePlain(name: string): Component {
  return { name, parameters: noParameters, text: bareItemText(name) };
}

/** Of one without parameters. */
function withReq({ name, text }: Component): Component {
  return { name, parameters: onlyReq, text: `${text};req` };
}

/** What nearly every signature covers, made once and not for each message. */
const usualComponents: ReadonlyMap<string, { readonly plain: Component; ofRequest: Component }> =
  new Map(
    [
      ...['@method', '@authority', '@path', '@query', '@status'],
      ...['content-digest', 'content-type'],
    ].map((name) => {
      const plain = makePlain(name);
      return [name, { plain, ofRequest: withReq(plain) }];
    }),
  );
