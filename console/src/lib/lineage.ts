/** A run, what it repeats, and what repeats it. */
import type { Run } from '@/api/types';

export interface LineageNode {
  run: Run;
  depth: number;
}

/**
 * `runs` of one lineage as a tree in a list: each below the one that it repeats, older ones first. One whose run is not
 * among them stands at the top.
 */
export function lineageOf(runs: readonly Run[]): LineageNode[] {
  const known = new Map(runs.map((run) => [run.id, run]));
  const children = new Map<string | null, Run[]>();
  for (const run of known.values()) {
    const parent = run.retry_of_run_id && known.has(run.retry_of_run_id) ? run.retry_of_run_id : null;
    children.set(parent, [...(children.get(parent) ?? []), run]);
  }
  const nodes: LineageNode[] = [];
  const visit = (parent: string | null, depth: number) => {
    const sorted = (children.get(parent) ?? []).sort((a, b) => a.created_at.localeCompare(b.created_at));
    for (const run of sorted) {
      nodes.push({ run, depth });
      visit(run.id, depth + 1);
    }
  };
  visit(null, 0);
  return nodes;
}
