import type { ElkNode } from 'elkjs/lib/elk-api';
import { edgesOf, type SpecStep } from '@/lib/spec';

export const NODE = { width: 208, height: 54 };

export interface Layout {
  places: Map<string, { x: number; y: number }>;
  width: number;
  height: number;
}

export function toElk(steps: readonly SpecStep[], direction: 'RIGHT' | 'DOWN'): ElkNode {
  const ids = [...new Set(steps.map((step) => step.id))];
  return {
    id: 'root',
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.direction': direction,
      'elk.spacing.nodeNode': '18',
      'elk.layered.spacing.nodeNodeBetweenLayers': '56',
      'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
      'elk.layered.nodePlacement.strategy': 'BRANDES_KOEPF',
      'elk.separateConnectedComponents': 'true',
    },
    children: ids.map((id) => ({ id, ...NODE })),
    edges: edgesOf(steps).map(({ from, to }) => ({ id: `${from}>${to}`, sources: [from], targets: [to] })),
  };
}

export function toLayout(graph: ElkNode): Layout {
  const places = new Map((graph.children ?? []).map(({ id, x, y }) => [id, { x: x ?? 0, y: y ?? 0 }]));
  return { places, width: graph.width ?? 0, height: graph.height ?? 0 };
}

/** What a layout depends on: as long as it is the same, steps stay where they are, whatever becomes of them. */
export function shapeOf(steps: readonly SpecStep[]): string {
  return JSON.stringify(steps.map((step) => [step.id, step.dependsOn]));
}
