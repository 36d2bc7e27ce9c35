import { isObject } from './spec';

export interface ParsedSpec {
  spec: Record<string, unknown> | null;
  problem: { message: string; line: number | null } | null;
}

/** A dag_spec as somebody types it: the object, or what is wrong with the JSON and on which line. */
export function parseSpec(text: string): ParsedSpec {
  try {
    const spec: unknown = JSON.parse(text);
    if (isObject(spec)) return { spec, problem: null };
    return { spec: null, problem: { message: 'A spec is a JSON object.', line: 1 } };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { spec: null, problem: { message, line: lineOf(message, text) } };
  }
}

// Browsers say where it is in words of their own: "at position 12", "at line 3 column 4", or not at all.
function lineOf(message: string, text: string): number | null {
  const line = /line (\d+)/.exec(message);
  if (line) return Number(line[1]);
  const position = /position (\d+)/.exec(message);
  if (position) return text.slice(0, Number(position[1])).split('\n').length;
  return /end of/i.test(message) ? text.split('\n').length : null;
}

/**
 * The line on which what a JSON pointer names begins, in JSON as `JSON.stringify(…, null, 2)` or people write it; null if
 * it is not there. The text has to be valid JSON.
 */
export function lineOfPointer(text: string, pointer: string): number | null {
  const wanted = pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  let at = 0;
  const space = () => {
    while (/\s/.test(text[at] ?? '')) at++;
  };
  const string = (): string => {
    const from = at++;
    while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
    return JSON.parse(text.slice(from, ++at)) as string;
  };
  /** Steps over a value, or stops where the pointer's rest leads within it. */
  const value = (rest: readonly string[] | null): number | null => {
    space();
    if (rest?.length === 0) return at;
    const open = text[at];
    if (open === '"') {
      string();
      return null;
    }
    if (open !== '{' && open !== '[') {
      while (at < text.length && !/[\s,\]}]/.test(text[at] ?? '')) at++;
      return null;
    }
    at++;
    for (let index = 0; ; index++) {
      space();
      if (text[at] === '}' || text[at] === ']' || at >= text.length) {
        at++;
        return null;
      }
      let key = String(index);
      if (open === '{') {
        key = string();
        space();
        at++;
      }
      const found = value(rest && rest[0] === key ? rest.slice(1) : null);
      if (found !== null) return found;
      space();
      if (text[at] === ',') at++;
    }
  };
  const found = value(wanted);
  return found === null ? null : text.slice(0, found).split('\n').length;
}
