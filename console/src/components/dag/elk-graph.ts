import type { ElkNode } from 'elkjs/lib/elk-api';
import { edgesOf, type SpecStep } from '@/lib/spec';

export const NODE = { width: 208, height: 54 };

export interface Layout {
  /** How edges run, as paths of an SVG, by `from>to`. */
  paths: Map<string, string>;
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
      // In the order of the spec where that is cheap: of 200 steps it makes a layout take twice to four times as long.
      ...(ids.length <= 60 ? { 'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES' } : {}),
      'elk.layered.nodePlacement.strategy': 'BRANDES_KOEPF',
      'elk.edgeRouting': 'ORTHOGONAL',
      'elk.layered.spacing.edgeNodeBetweenLayers': '18',
      'elk.separateConnectedComponents': 'true',
    },
    children: ids.map((id) => ({ id, ...NODE })),
    edges: edgesOf(steps).map(({ from, to }) => ({ id: `${from}>${to}`, sources: [from], targets: [to] })),
  };
}

export function toLayout(graph: ElkNode): Layout {
  const places = new Map((graph.children ?? []).map(({ id, x, y }) => [id, { x: x ?? 0, y: y ?? 0 }]));
  const paths = new Map(
    (graph.edges ?? []).flatMap(({ id, sections }) =>
      (sections ?? []).map(
        ({ startPoint, bendPoints = [], endPoint }) => [id, pathOf([startPoint, ...bendPoints, endPoint])] as const,
      ),
    ),
  );
  return { places, paths, width: graph.width ?? 0, height: graph.height ?? 0 };
}

/** What a layout depends on: as long as it is the same, steps stay where they are, whatever becomes of them. */
export function shapeOf(steps: readonly SpecStep[]): string {
  return JSON.stringify(steps.map((step) => [step.id, step.dependsOn]));
}

interface Point {
  x: number;
  y: number;
}

const ROUNDED = 8;

/** A line through `points`, its corners rounded. */
export function pathOf(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (!first) return '';
  const parts = [`M${first.x},${first.y}`];
  rest.forEach((point, index) => {
    const before = points[index];
    const after = rest[index + 1];
    if (!before || !after) {
      parts.push(`L${point.x},${point.y}`);
      return;
    }
    const into = towards(point, before);
    const out = towards(point, after);
    parts.push(`L${into.x},${into.y}`, `Q${point.x},${point.y} ${out.x},${out.y}`);
  });
  return parts.join('');
}

/** The point `ROUNDED` away from `from`, or half-way where it is nearer. */
function towards(from: Point, to: Point): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const share = length === 0 ? 0 : Math.min(ROUNDED, length / 2) / length;
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}
