/** What the console reads of a dag_spec. Drafts may be anything, so nothing is taken for granted. */

export interface SpecStep {
  id: string;
  /** null: given as a string, or without a type. */
  type: string | null;
  dependsOn: string[];
  /** Why an edge does not simply mean "then": `run_if` where it is not `all_success`. */
  runIf: string | null;
  condition: string | null;
  forEach: boolean;
  cleanUp: boolean;
  description: string | null;
  /** Its place in `steps`, which pointers of faults name. */
  index: number;
}

type Json = Record<string, unknown>;

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const text = (value: unknown) => (typeof value === 'string' ? value : null);

/** Whether the spec is one that Runplane executes: others are for their own workers. */
export function isOpaque(spec: unknown): boolean {
  return isObject(spec) && typeof spec.kind === 'string' && spec.kind !== 'dag_v1';
}

/** The steps of a spec; a string is a step that runs after the one before it. */
export function stepsOf(spec: unknown): SpecStep[] {
  if (!isObject(spec) || isOpaque(spec) || !Array.isArray(spec.steps)) return [];
  const steps: SpecStep[] = [];
  spec.steps.forEach((step: unknown, index) => {
    if (typeof step === 'string') {
      const before = steps.at(-1);
      steps.push({ ...EMPTY, id: step, index, dependsOn: before ? [before.id] : [] });
    } else if (isObject(step)) {
      const runIf = text(step.run_if);
      steps.push({
        id: text(step.id) ?? `steps[${index}]`,
        type: text(step.type),
        dependsOn: Array.isArray(step.depends_on) ? step.depends_on.filter((id) => typeof id === 'string') : [],
        runIf: runIf === 'all_success' ? null : runIf,
        condition: text(step.if),
        forEach: step.for_each !== undefined,
        cleanUp: runIf === 'one_failed' || runIf === 'all_done',
        description: text(step.description),
        index,
      });
    }
  });
  return steps;
}

const EMPTY = {
  type: null,
  dependsOn: [],
  runIf: null,
  condition: null,
  forEach: false,
  cleanUp: false,
  description: null,
};

/** The definition of a step as it stands in the spec. */
export function stepDefinition(spec: unknown, id: string): unknown {
  if (!isObject(spec) || !Array.isArray(spec.steps)) return undefined;
  return spec.steps.find((step) => step === id || (isObject(step) && step.id === id));
}

export interface Edge {
  from: string;
  to: string;
}

/** Edges between steps that are there, each once: a draft may name others, or one twice. */
export function edgesOf(steps: readonly SpecStep[]): Edge[] {
  const ids = new Set(steps.map((step) => step.id));
  return steps.flatMap((step) =>
    [...new Set(step.dependsOn)].filter((id) => ids.has(id) && id !== step.id).map((from) => ({ from, to: step.id })),
  );
}

/** The step that a fault belongs to: `/steps/2/if` is the third one's. Null: it is the whole spec's. */
export function stepOfPointer(pointer: string, steps: readonly SpecStep[]): string | null {
  const found = /^\/(?:dag_spec\/)?steps\/(\d+)(?:\/|$)/.exec(pointer);
  if (!found) return null;
  return steps.find((step) => step.index === Number(found[1]))?.id ?? null;
}
