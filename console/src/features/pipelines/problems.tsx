import type { Fault } from '@/api/problem';
import { Text } from '@/components/ui';
import { type SpecStep, stepOfPointer } from '@/lib/spec';
import css from './pipelines.module.css';

interface Props {
  faults: readonly Fault[];
  steps: readonly SpecStep[];
  /** Goes to where it is. */
  onGo?: (pointer: string) => void;
}

/** Faults of a spec, each with the step that it belongs to. */
export function Problems({ faults, steps, onGo }: Props) {
  if (faults.length === 0) return null;
  return (
    <ul className={css.problems} aria-label="Faults">
      {faults.map((fault) => {
        const step = stepOfPointer(fault.pointer, steps);
        const place = (
          <Text limit={200}>
            {step ? `${step}: ${fault.pointer.replace(/^(\/dag_spec)?\/steps\/\d+/, '') || '/'}` : fault.pointer || '/'}
          </Text>
        );
        return (
          <li key={`${fault.pointer} ${fault.detail}`}>
            {onGo ? (
              <button type="button" onClick={() => onGo(fault.pointer)}>
                {place}
              </button>
            ) : (
              <code>{place}</code>
            )}
            <Text limit={1000}>{fault.detail}</Text>
          </li>
        );
      })}
    </ul>
  );
}
