import { useMutation, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useDeferredValue, useMemo, useRef, useState } from 'react';
import { api, unwrap } from '@/api/client';
import { ApiError, type Fault } from '@/api/problem';
import type { VersionInFull } from '@/api/types';
import { useIdentity } from '@/app/gate';
import { versionQuery } from '@/app/queries';
import { Copy } from '@/components/copy';
import { Failure } from '@/components/failure';
import { tell } from '@/components/toast';
import { Button, cx, Loading } from '@/components/ui';
import ui from '@/components/ui.module.css';
import { may } from '@/lib/roles';
import { stepOfPointer, stepsOf } from '@/lib/spec';
import { lineOfPointer, parseSpec } from '@/lib/spec-text';
import css from './pipelines.module.css';
import { Problems } from './problems';
import { SpecEditor } from './spec-editor';

const Dag = lazy(() => import('@/components/dag/dag'));

interface Props {
  version: VersionInFull;
  faults: readonly Fault[];
  onFaults: (faults: readonly Fault[]) => void;
}

/** The spec: to read, or while it is a draft to edit, with its graph beside it. */
export function SpecTab({ version, faults, onFaults }: Props) {
  const { roles } = useIdentity();
  const stored = useMemo(() => JSON.stringify(version.dag_spec, null, 2), [version.dag_spec]);
  if (version.status !== 'DRAFT' || !may(roles, 'version.write')) {
    return (
      <div className={ui.stack}>
        <div className={ui.row}>
          <Copy text={stored} what="the spec" />
        </div>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and has to with the keyboard too */}
        <pre className={ui.card} tabIndex={0}>
          {stored}
        </pre>
      </div>
    );
  }
  return <Editor key={version.revision} version={version} stored={stored} faults={faults} onFaults={onFaults} />;
}

function Editor({ version, stored, faults, onFaults }: Props & { stored: string }) {
  const [text, setText] = useState(stored);
  const input = useRef<HTMLTextAreaElement | null>(null);
  const client = useQueryClient();
  const { spec, problem } = useMemo(() => parseSpec(text), [text]);
  // The graph follows what is typed, behind it.
  const drawn = useDeferredValue(spec);
  const steps = useMemo(() => stepsOf(drawn), [drawn]);
  const counts = new Map<string, number>();
  for (const fault of faults) {
    const id = stepOfPointer(fault.pointer, steps);
    if (id) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  const marked = new Set(
    spec ? faults.map((fault) => lineOfPointer(text, fault.pointer)).filter((line) => line !== null) : [],
  );

  const store = useMutation({
    mutationFn: () =>
      unwrap(
        api.PUT('/api/pipeline-versions/{pipeline_version_id}', {
          params: { path: { pipeline_version_id: version.id } },
          body: { dag_spec: spec ?? {}, revision: version.revision },
        }),
      ),
    onSuccess: (now) => {
      onFaults([]);
      client.setQueryData(versionQuery(version.id).queryKey, now);
      tell('The draft is stored');
    },
    onError: (error) => onFaults(error instanceof ApiError && error.code === 'invalid_dag_spec' ? error.faults : []),
  });

  const go = (pointer: string) => {
    const line = spec ? lineOfPointer(text, pointer) : null;
    if (line === null || !input.current) return;
    const before = text.split('\n').slice(0, line - 1);
    const start = before.reduce((sum, one) => sum + one.length + 1, 0);
    input.current.focus();
    input.current.setSelectionRange(start, start + (text.split('\n')[line - 1]?.length ?? 0));
    input.current.scrollTop = Math.max(0, (line - 8) * 19);
  };
  const selectStep = (id: string) => {
    const step = steps.find((one) => one.id === id);
    if (step) go(`/steps/${step.index}`);
  };
  return (
    <div className={cx(css.split, css.two)}>
      <div className={ui.stack}>
        <SpecEditor
          value={text}
          onChange={setText}
          problem={problem}
          marked={marked}
          inputRef={(element) => {
            input.current = element;
          }}
        />
        <div className={ui.row}>
          <Button tone="primary" disabled={!spec || text === stored || store.isPending} onClick={() => store.mutate()}>
            {store.isPending ? 'Storing…' : 'Store the draft'}
          </Button>
          <Button disabled={!spec} onClick={() => spec && setText(JSON.stringify(spec, null, 2))}>
            Format
          </Button>
          <Button tone="quiet" disabled={text === stored} onClick={() => setText(stored)}>
            Back to what is stored
          </Button>
        </div>
        <Problems faults={faults} steps={steps} onGo={go} />
        {store.error && !(store.error instanceof ApiError && store.error.code === 'invalid_dag_spec') && (
          <Failure error={store.error} />
        )}
      </div>
      <Suspense fallback={<Loading what="the graph" />}>
        <Dag steps={steps} faults={counts} onSelect={selectStep} />
      </Suspense>
    </div>
  );
}
