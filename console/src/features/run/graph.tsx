import { lazy, Suspense, useMemo } from 'react';
import type { RunDetails, Step } from '@/api/types';
import { Status } from '@/components/status';
import { Duration } from '@/components/time';
import { cx, Empty, Loading, Text } from '@/components/ui';
import ui from '@/components/ui.module.css';
import { isOpaque, type SpecStep, stepsOf } from '@/lib/spec';
import css from './run.module.css';
import { StepPanel } from './step-panel';

const Dag = lazy(() => import('@/components/dag/dag'));

interface Props {
  details: RunDetails;
  selected: string | undefined;
  onSelect: (id: string | undefined) => void;
}

export function GraphTab({ details, selected, onSelect }: Props) {
  const spec = details.pipeline_version.dag_spec;
  const steps = useMemo(() => stepsOf(spec), [spec]);
  const states = useMemo(() => new Map(details.steps.map((step) => [step.step_id, step])), [details.steps]);
  const shown = selected !== undefined && (states.has(selected) || steps.some((step) => step.id === selected));
  return (
    <div className={cx(css.split, shown && css.withPanel)}>
      <div>
        {isOpaque(spec) ? (
          <Empty title="Its spec is for its own workers">
            <p>What they have reported of steps stands below.</p>
          </Empty>
        ) : (
          <Suspense fallback={<Loading what="the graph" />}>
            <Dag steps={steps} states={states} selected={selected} onSelect={onSelect} />
          </Suspense>
        )}
        <StepTable states={details.steps} steps={steps} onSelect={onSelect} />
      </div>
      {shown && <StepPanel details={details} id={selected} onClose={() => onSelect(undefined)} />}
    </div>
  );
}

/** The same as a table: for small screens, and for who does not see the graph. */
function StepTable({
  states,
  steps,
  onSelect,
}: {
  states: readonly Step[];
  steps: readonly SpecStep[];
  onSelect: (id: string) => void;
}) {
  const after = new Map(steps.map((step) => [step.id, step.dependsOn]));
  if (states.length === 0) return null;
  return (
    <details className={css.steps} open={states.length <= 30}>
      <summary>Steps as a table ({states.length})</summary>
      <div className={ui.tableWrap}>
        <table className={ui.table}>
          <thead>
            <tr>
              <th scope="col">Step</th>
              <th scope="col">Status</th>
              <th scope="col">After</th>
              <th scope="col" className={ui.num}>
                Attempts
              </th>
              <th scope="col" className={ui.num}>
                Took
              </th>
            </tr>
          </thead>
          <tbody>
            {states.map((step) => (
              <tr key={step.step_id}>
                <td>
                  <button type="button" className={css.stepButton} onClick={() => onSelect(step.step_id)}>
                    <Text limit={80}>{step.step_id}</Text>
                  </button>
                </td>
                <td>
                  <Status status={step.status} bare />{' '}
                  {step.reason && <span className={ui.hint}>{step.reason.replaceAll('_', ' ')}</span>}
                </td>
                <td>
                  <Text limit={120}>{after.get(step.step_id)?.join(', ') || '–'}</Text>
                </td>
                <td className={ui.num}>{step.attempts}</td>
                <td className={ui.num}>
                  <Duration
                    from={step.started_at}
                    to={step.finished_at ?? (step.status === 'RUNNING' ? null : step.started_at)}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
