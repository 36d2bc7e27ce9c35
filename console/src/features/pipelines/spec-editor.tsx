import { useRef } from 'react';
import ui from '@/components/ui.module.css';
import type { ParsedSpec } from '@/lib/spec-text';
import css from './pipelines.module.css';

interface Props {
  value: string;
  onChange: (value: string) => void;
  problem: ParsedSpec['problem'];
  /** Lines with a fault. */
  marked?: ReadonlySet<number>;
  rows?: number;
  /** Told the textarea, so that a fault can be shown in it. */
  inputRef?: (input: HTMLTextAreaElement | null) => void;
}

/** JSON with line numbers. A plain text area: it works with every keyboard, screen reader and phone. */
export function SpecEditor({ value, onChange, problem, marked, rows = 26, inputRef }: Props) {
  const numbers = useRef<HTMLDivElement>(null);
  const lines = value.split('\n').length;
  return (
    <div>
      <div className={css.editor}>
        <div className={css.numbers} ref={numbers} aria-hidden="true">
          {Array.from({ length: lines }, (_, index) => {
            const line = index + 1;
            const bad = marked?.has(line) || problem?.line === line;
            return <div key={line}>{bad ? <b>● {line}</b> : line}</div>;
          })}
        </div>
        <textarea
          ref={inputRef}
          aria-label="dag_spec, as JSON"
          aria-invalid={problem !== null}
          spellCheck={false}
          autoCapitalize="off"
          autoComplete="off"
          wrap="off"
          rows={rows}
          value={value}
          onChange={(event) => onChange(event.target.value)}
          onScroll={(event) => {
            if (numbers.current) numbers.current.scrollTop = event.currentTarget.scrollTop;
          }}
        />
      </div>
      {problem && (
        <p className={ui.fault} role="status">
          {problem.line ? `Line ${problem.line}: ` : ''}
          {problem.message}
        </p>
      )}
    </div>
  );
}
