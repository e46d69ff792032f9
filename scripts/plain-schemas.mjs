// TypeBox's constructors in the bundle, those that are used: what they make is data, JSON Schema for the OpenAPI document
// and for the shapes of settings, and the library that makes it is 500 modules, which every start would run. Types come
// from TypeBox all the same, and whatever runs from the sources uses it. A test compares what both make.

const optional = new WeakSet();

const ofType = (type) => (options) => ({ type, ...options });
const text = ofType('string');
const whole = ofType('integer');
const number = ofType('number');
const boolean = ofType('boolean');
const nothing = ofType('null');

const literal = (value) => ({ type: typeof value, const: value });
const oneOf = (values, options) => ({ enum: values, ...options });
const union = (schemas, options) => ({ anyOf: schemas, ...options });
const list = (items, options) => ({ type: 'array', items, ...options });

/** A member that may be missing. */
function mayMiss(schema) {
  const marked = { ...schema };
  optional.add(marked);
  return marked;
}

function object(properties, options) {
  const required = Object.keys(properties).filter((name) => !optional.has(properties[name]));
  return {
    type: 'object',
    ...(required.length > 0 ? { required } : {}),
    properties,
    ...options,
  };
}

/** By names that match the pattern of `names`. */
function record(names, values, options) {
  const pattern = names.pattern ?? '^.*$';
  return { type: 'object', patternProperties: { [pattern]: values }, ...options };
}

export {
  text as String,
  whole as Integer,
  number as Number,
  boolean as Boolean,
  nothing as Null,
  literal as Literal,
  oneOf as Enum,
  union as Union,
  list as Array,
  mayMiss as Optional,
  object as Object,
  record as Record,
};
