/**
 * Checks parameters in the browser without `eval`, which the policy forbids and the usual validator of the form needs.
 * The API decides; this is for whoever fills in the form. Regular expressions are the API's alone: those of strangers
 * could take the browser forever, which its engine rules out.
 */
import { type OutputUnit, type Schema, Validator } from '@cfworker/json-schema';
import type { ErrorSchema, RJSFSchema, RJSFValidationError, ValidatorType } from '@rjsf/utils';
import { toErrorSchema } from '@rjsf/utils';
import { isObject } from '@/lib/spec';

type Data = Record<string, unknown>;

/** `schema` without what is not checked here. Only where keywords stand: a property may be called `pattern`. */
export function withoutPatterns(schema: unknown): unknown {
  if (!isObject(schema)) return schema;
  const maps = ['properties', '$defs', 'definitions', 'dependentSchemas'];
  const lists = ['allOf', 'anyOf', 'oneOf', 'prefixItems'];
  const found: Data = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'pattern' || key === 'patternProperties' || key === 'propertyNames') continue;
    if (maps.includes(key) && isObject(value)) {
      found[key] = Object.fromEntries(Object.entries(value).map(([name, child]) => [name, withoutPatterns(child)]));
    } else if (lists.includes(key) && Array.isArray(value)) {
      found[key] = value.map(withoutPatterns);
    } else if (['items', 'additionalProperties', 'contains', 'not', 'if', 'then', 'else'].includes(key)) {
      // Without its patterns, "no other properties" would refuse those that a pattern allows.
      if (key === 'additionalProperties' && schema.patternProperties !== undefined) continue;
      found[key] = withoutPatterns(value);
    } else found[key] = value;
  }
  return found;
}

// What only says that something within is wrong.
const WRAPPERS = new Set([
  'properties',
  'items',
  'prefixItems',
  'allOf',
  '$ref',
  'additionalProperties',
  'if',
  'then',
  'else',
]);

const unescaped = (part: string) => decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');

/** What the form calls a place: `.db.user`, and lists by their index. */
function property(location: string, more?: string): string {
  const parts = location.replace(/^#/, '').split('/').slice(1).map(unescaped);
  if (more !== undefined) parts.push(more);
  return parts.map((part) => `.${part}`).join('') || '.';
}

function toError(unit: OutputUnit): RJSFValidationError {
  const missing = unit.keyword === 'required' ? /property "(.*)"/.exec(unit.error)?.[1] : undefined;
  const message = missing === undefined ? unit.error : 'is required';
  return { name: unit.keyword, message, stack: message, property: property(unit.instanceLocation, missing) };
}

/** The faults of `data`, each where it is. A schema that cannot be read has none here: the API tells what is wrong. */
export function faultsOf(schema: unknown, data: unknown): RJSFValidationError[] {
  try {
    // Only what JSON has: fields that are undefined are not there.
    const plain: unknown = JSON.parse(JSON.stringify(data ?? {}));
    const { errors } = new Validator(withoutPatterns(schema) as Schema, '2020-12', false).validate(plain);
    return errors.filter((unit) => !WRAPPERS.has(unit.keyword)).map(toError);
  } catch {
    return [];
  }
}

export const validator: ValidatorType = {
  validateFormData(data, schema, _custom, transform, uiSchema) {
    let errors = faultsOf(schema, data);
    if (transform) errors = transform(errors, uiSchema);
    return { errors, errorSchema: toErrorSchema(errors) as ErrorSchema };
  },
  isValid(schema: RJSFSchema, data, root: RJSFSchema) {
    const { $defs, definitions } = root;
    return (
      faultsOf({ ...($defs ? { $defs } : {}), ...(definitions ? { definitions } : {}), ...schema }, data).length === 0
    );
  },
  rawValidation: <Result>(schema: RJSFSchema, data: unknown) => ({ errors: faultsOf(schema, data) as Result[] }),
};

/** Faults that the API found, as the form shows them: pointers begin with `/parameters`. */
export function fromApi(faults: readonly { pointer: string; detail: string }[]): ErrorSchema {
  return toErrorSchema(
    faults.map(({ pointer, detail }) => ({
      name: 'api',
      message: detail,
      stack: detail,
      property: property(pointer.replace(/^\/parameters/, '')),
    })),
  ) as ErrorSchema;
}

export default validator;
