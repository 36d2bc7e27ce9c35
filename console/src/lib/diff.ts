/** What differs between two dag_specs. */
import { diffLines } from 'diff';
import { isObject, stepDefinition, stepsOf } from './spec';

export interface StepChange {
  id: string;
  kind: 'added' | 'removed' | 'changed';
  /** Which of its fields differ. */
  fields: string[];
}

/** As the API writes it: the order of names does not matter, so it is not shown as a change. */
export function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, canonical(value[key])]),
  );
}

const same = (a: unknown, b: unknown) => JSON.stringify(canonical(a)) === JSON.stringify(canonical(b));

function changedFields(a: unknown, b: unknown): string[] {
  const left = isObject(a) ? a : {};
  const right = isObject(b) ? b : {};
  return [...new Set([...Object.keys(left), ...Object.keys(right)])]
    .filter((key) => !same(left[key], right[key]))
    .sort();
}

export function diffSteps(before: unknown, after: unknown): StepChange[] {
  const old = stepsOf(before);
  const young = stepsOf(after);
  const changes: StepChange[] = [];
  for (const { id } of young) {
    if (!old.some((step) => step.id === id)) changes.push({ id, kind: 'added', fields: [] });
    else {
      const fields = changedFields(stepDefinition(before, id), stepDefinition(after, id));
      if (fields.length > 0) changes.push({ id, kind: 'changed', fields });
    }
  }
  for (const { id } of old)
    if (!young.some((step) => step.id === id)) changes.push({ id, kind: 'removed', fields: [] });
  return changes;
}

/** Fields of the spec itself, `steps` excepted. */
export function diffFields(before: unknown, after: unknown): string[] {
  return changedFields(before, after).filter((field) => field !== 'steps');
}

export interface DiffLine {
  kind: 'same' | 'added' | 'removed';
  text: string;
}

/** Line by line, of the JSON with sorted names. */
export function diffText(before: unknown, after: unknown): DiffLine[] {
  const text = (value: unknown) => `${JSON.stringify(canonical(value), null, 2)}\n`;
  return diffLines(text(before), text(after)).flatMap((part) => {
    const kind = part.added ? 'added' : part.removed ? 'removed' : 'same';
    return part.value
      .replace(/\n$/, '')
      .split('\n')
      .map((line): DiffLine => ({ kind, text: line }));
  });
}
