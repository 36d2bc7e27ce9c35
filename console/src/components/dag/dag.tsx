/** The graph of a dag_spec, before it ever ran or while it does. Loaded when it is looked at. */
import '@xyflow/react/dist/style.css';
import {
  BaseEdge,
  Controls,
  type Edge,
  type EdgeProps,
  Handle,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
} from '@xyflow/react';
import { memo, useEffect, useMemo, useRef, useState } from 'react';
import type { Step } from '@/api/types';
import { Failure } from '@/components/failure';
import { StatusIcon, statusTone, statusWord } from '@/components/status';
import { cx, Empty, Loading, Text } from '@/components/ui';
import { edgesOf, type SpecStep } from '@/lib/spec';
import css from './dag.module.css';
import { type Layout, NODE, shapeOf } from './elk-graph';
import { layout } from './layout';

interface Props {
  steps: readonly SpecStep[];
  /** How steps stand, by id; without it the graph is that of a version. */
  states?: ReadonlyMap<string, Step> | undefined;
  /** How many faults each step has. */
  faults?: ReadonlyMap<string, number> | undefined;
  selected?: string | undefined;
  onSelect: (id: string) => void;
}

interface Data extends Record<string, unknown> {
  step: SpecStep;
  state: Step | undefined;
  faults: number;
  selected: boolean;
  onSelect: (id: string) => void;
}

type StepNode = Node<Data, 'step'>;

type RoutedEdge = Edge<{ path: string }, 'routed'>;

const nodeTypes = { step: memo(StepBox) };
const edgeTypes = { routed: memo(Routed) };
const NONE: ReadonlyMap<string, never> = new Map<string, never>();

export default function Dag({ steps, states = NONE, faults = NONE, selected, onSelect }: Props) {
  const narrow = globalThis.matchMedia?.('(max-width: 640px)').matches ?? false;
  const shape = shapeOf(steps);
  const [placed, setPlaced] = useState<{ shape: string; layout: Layout } | null>(null);
  const [failed, setFailed] = useState<unknown>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: steps of one shape have one layout
  useEffect(() => {
    let stale = false;
    layout(steps, narrow ? 'DOWN' : 'RIGHT').then(
      (found) => !stale && setPlaced({ shape, layout: found }),
      (error) => !stale && setFailed(error),
    );
    return () => {
      stale = true;
    };
  }, [shape, narrow]);

  const cache = useRef(new Map<string, StepNode>());
  const places = placed?.layout.places;
  const nodes = useMemo(() => {
    if (!places) return [];
    const fresh = steps.flatMap((step) => {
      const position = places.get(step.id);
      if (!position) return [];
      const data: Data = {
        step,
        state: states.get(step.id),
        faults: faults.get(step.id) ?? 0,
        selected: selected === step.id,
        onSelect,
      };
      // A node that has not changed stays the same object, and is not drawn again.
      const old = cache.current.get(step.id);
      if (old && old.position === position && sameData(old.data, data)) return [old];
      return [{ id: step.id, type: 'step' as const, position, data, ...NODE }];
    });
    cache.current = new Map(fresh.map((node) => [node.id, node]));
    return [...cache.current.values()];
  }, [steps, states, faults, selected, onSelect, places]);

  const paths = placed?.layout.paths;
  const edges = useMemo(() => (paths ? edgesFor(steps, paths) : []), [steps, paths]);

  if (failed) return <Failure error={failed} />;
  if (steps.length === 0) return <Empty title="This version has no steps" />;
  if (!placed) return <Loading what="the graph" />;
  return (
    <section className={css.frame} aria-label={`Graph of ${steps.length} steps`}>
      <ReactFlow
        key={placed.shape}
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        fitView
        fitViewOptions={{ maxZoom: 1, padding: 0.08 }}
        minZoom={0.04}
        maxZoom={2}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        disableKeyboardA11y
        // The page scrolls; the graph is moved by dragging and zoomed with its buttons, two fingers or Ctrl.
        zoomOnScroll={false}
        preventScrolling={false}
        onlyRenderVisibleElements={steps.length > 300}
        proOptions={{ hideAttribution: true }}
      >
        <Controls showInteractive={false} />
      </ReactFlow>
    </section>
  );
}

function sameData(a: Data, b: Data): boolean {
  return (
    a.step === b.step &&
    a.state === b.state &&
    a.faults === b.faults &&
    a.selected === b.selected &&
    a.onSelect === b.onSelect
  );
}

function edgesFor(steps: readonly SpecStep[], paths: ReadonlyMap<string, string>): RoutedEdge[] {
  const runIf = new Map(steps.map((step) => [step.id, step.runIf]));
  return edgesOf(steps).map(({ from, to }) => ({
    id: `${from}>${to}`,
    type: 'routed',
    source: from,
    target: to,
    className: runIf.get(to) ? 'unusual' : '',
    data: { path: paths.get(`${from}>${to}`) ?? '' },
  }));
}

/** Drawn as it was laid out: around the steps that stand between. */
function Routed({ data }: EdgeProps<RoutedEdge>) {
  return <BaseEdge path={data?.path ?? ''} />;
}

function StepBox({ data: { step, state, faults, selected, onSelect } }: NodeProps<StepNode>) {
  const tone = faults > 0 ? 'bad' : state ? statusTone(state.status) : 'idle';
  const under = [
    faults > 0 ? `${faults} ${faults === 1 ? 'fault' : 'faults'}` : state && statusWord(state.status),
    state?.reason?.replaceAll('_', ' '),
    step.type ?? '',
    state?.items && `${state.items.succeeded}/${state.items.total_known} items`,
    !state && step.forEach && 'for each item',
    step.runIf && `if ${step.runIf.replaceAll('_', ' ')}`,
    state && state.attempts > 1 && `${state.attempts} attempts`,
  ].filter(Boolean);
  return (
    <>
      <Handle type="target" position={Position.Left} />
      <button
        type="button"
        className={cx('nopan', css.node, css[tone], faults > 0 && css.faulty)}
        data-selected={selected}
        data-step={step.id}
        data-status={state?.status}
        aria-pressed={selected}
        onClick={() => onSelect(step.id)}
      >
        <StatusIcon status={faults > 0 ? 'FAILED' : (state?.status ?? 'PENDING')} />
        <span className={css.name}>
          <Text limit={70}>{step.id}</Text>
        </span>
        <span className={css.under}>
          <Text limit={90}>{under.join(' · ')}</Text>
        </span>
      </button>
      <Handle type="source" position={Position.Right} />
    </>
  );
}
