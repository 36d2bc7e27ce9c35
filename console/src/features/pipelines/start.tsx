import { useMutation, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { api, unwrap } from '@/api/client';
import { ApiError } from '@/api/problem';
import type { Run, VersionInFull } from '@/api/types';
import { useIdentity } from '@/app/gate';
import { pipelineQuery, versionQuery } from '@/app/queries';
import { useTitle } from '@/app/use-title';
import { copy } from '@/components/copy';
import { Failure, faultOf } from '@/components/failure';
import { tell } from '@/components/toast';
import { Button, Card, Check, Field, Input, Loading, Notice, Select, Text, TextArea } from '@/components/ui';
import ui from '@/components/ui.module.css';
import { runQuery } from '@/features/run/use-run';
import { curl } from '@/lib/curl';
import { readLabels } from '@/lib/filters';
import { isObject, isOpaque } from '@/lib/spec';
import { parseSpec } from '@/lib/spec-text';

const ParamsForm = lazy(() => import('./params-form'));
const route = getRouteApi('/versions/$versionId/start');
const FORM = 'parameters';

export function StartPage() {
  const { versionId } = route.useParams();
  const { from } = route.useSearch();
  const version = useQuery(versionQuery(versionId));
  const model = useQuery({ ...runQuery(from ?? ''), enabled: from !== undefined, refetchInterval: false });
  useTitle('Start a run');
  const error = version.error ?? model.error;
  if (error) {
    return (
      <div className={ui.page}>
        <Failure error={error} />
      </div>
    );
  }
  if (!version.data || (from && !model.data)) {
    return (
      <div className={ui.page}>
        <Loading what="the version" />
      </div>
    );
  }
  return <Start key={versionId} version={version.data} model={model.data?.run} />;
}

/** The defaults that the API would fill in are filled in by the form, so that one sees them. */
function Start({ version, model }: { version: VersionInFull; model: Run | undefined }) {
  const { open } = useIdentity();
  const { data: pipeline } = useQuery(pipelineQuery(version.pipeline_id));
  const opaque = isOpaque(version.dag_spec);
  const params = isObject(version.dag_spec.params) ? version.dag_spec.params : null;
  const [parameters, setParameters] = useState<Record<string, unknown>>(model?.parameters ?? {});
  const [json, setJson] = useState(params === null);
  const [text, setText] = useState(() => JSON.stringify(model?.parameters ?? {}, null, 2));
  const [options, setOptions] = useState({
    queue: model?.queue ?? '',
    priority: String(model?.priority ?? 5),
    dispatch: model?.dispatch ?? (opaque ? 'pull' : 'push'),
    labels: Object.entries(model?.labels ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join(', '),
    runAfter: '',
    maxAttempts: '',
    concurrencyKey: model?.concurrency_key ?? '',
  });
  // One key for this form: a second click, or a second try after no answer, makes no second run.
  const [key, setKey] = useState(() => crypto.randomUUID());
  const navigate = useNavigate();
  const typed = parseSpec(text);
  const set = (change: Partial<typeof options>) => {
    setOptions({ ...options, ...change });
    setKey(crypto.randomUUID());
  };

  const body = {
    tenant_id: version.tenant_id,
    pipeline_version_id: version.id,
    parameters: json ? (typed.spec ?? {}) : parameters,
    dispatch: options.dispatch,
    priority: Number(options.priority),
    ...(options.queue ? { queue: options.queue } : {}),
    ...(options.labels ? { labels: readLabels(options.labels) } : {}),
    ...(options.runAfter ? { run_after: new Date(options.runAfter).toISOString() } : {}),
    ...(options.maxAttempts ? { max_attempts: Number(options.maxAttempts) } : {}),
    ...(options.concurrencyKey ? { concurrency_key: options.concurrencyKey } : {}),
  };
  const create = useMutation({
    mutationFn: () => unwrap(api.POST('/api/runs', { params: { header: { 'Idempotency-Key': key } }, body })),
    onSuccess: async (run) => {
      tell('The run is created');
      await navigate({ to: '/runs/$runId', params: { runId: run.id } });
    },
    // What was refused has made no run: the key may be used for what is changed.
    onError: (error) => error instanceof ApiError && error.status < 500 && setKey(crypto.randomUUID()),
  });
  const faults =
    create.error instanceof ApiError && create.error.code === 'invalid_parameters' ? create.error.faults : [];
  const masked = JSON.stringify(model?.parameters ?? {}).includes('"***"');
  return (
    <div className={ui.page}>
      <div className={ui.pageHead}>
        <div>
          <h1>Start a run</h1>
          <p className={ui.soft}>
            of{' '}
            <Link to="/versions/$versionId" params={{ versionId: version.id }}>
              <Text limit={80}>{pipeline?.name ?? ''}</Text> <Text limit={60}>{version.version}</Text>
            </Link>
          </p>
        </div>
      </div>
      {version.status !== 'APPROVED' && (
        <Notice tone="warn">Only an approved version runs. This one is {version.status.toLowerCase()}.</Notice>
      )}
      {masked && (
        <Notice tone="warn">
          The parameters of the other run have secrets, which nobody is shown: fill in what is ***.
        </Notice>
      )}
      <Card
        title="Parameters"
        action={
          params && (
            <Check
              label="As JSON"
              checked={json}
              onChange={(event) => {
                if (event.target.checked) setText(JSON.stringify(parameters, null, 2));
                else setParameters(typed.spec ?? parameters);
                setJson(event.target.checked);
              }}
            />
          )
        }
      >
        {json || !params ? (
          <Field label="JSON" fault={typed.problem?.message}>
            {(ids) => <TextArea {...ids} rows={10} value={text} onChange={(event) => setText(event.target.value)} />}
          </Field>
        ) : (
          <Suspense fallback={<Loading what="the form" />}>
            <ParamsForm
              id={FORM}
              params={params}
              value={parameters}
              onChange={setParameters}
              onSubmit={() => create.mutate()}
              faults={faults}
            />
          </Suspense>
        )}
      </Card>
      <Options
        options={options}
        onChange={set}
        error={create.error}
        fallback={pipeline?.queue ?? 'default'}
        opaque={opaque}
      />
      {create.error && faults.length === 0 && <Failure error={create.error} />}
      {faults.length > 0 && json && create.error && <Failure error={create.error} />}
      <div className={ui.row}>
        {json || !params ? (
          <Button tone="primary" disabled={!typed.spec || create.isPending} onClick={() => create.mutate()}>
            Start the run
          </Button>
        ) : (
          <Button tone="primary" type="submit" form={FORM} disabled={create.isPending}>
            Start the run
          </Button>
        )}
        <Button
          onClick={() => void copy(curl('POST', new URL('/api/runs', location.origin).href, body, !open), 'Command')}
        >
          Copy as curl
        </Button>
      </div>
    </div>
  );
}

interface OptionValues {
  queue: string;
  priority: string;
  dispatch: 'push' | 'pull';
  labels: string;
  runAfter: string;
  maxAttempts: string;
  concurrencyKey: string;
}

interface OptionsProps {
  options: OptionValues;
  onChange: (change: Partial<OptionValues>) => void;
  error: unknown;
  fallback: string;
  opaque: boolean;
}

function Options({ options, onChange, error, fallback, opaque }: OptionsProps) {
  const text = (name: keyof OptionValues) => ({
    value: options[name],
    onChange: (event: { target: { value: string } }) => onChange({ [name]: event.target.value }),
  });
  return (
    <Card title="How it runs">
      <div className={ui.grid}>
        <Field label="Queue" fault={faultOf(error, '/queue')}>
          {(ids) => <Input {...ids} maxLength={100} placeholder={fallback} {...text('queue')} />}
        </Field>
        <Field label="Priority" hint="9 is claimed first.">
          {(ids) => (
            <Select {...ids} {...text('priority')}>
              {Array.from({ length: 10 }, (_, n) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: they are numbers
                <option key={n}>{n}</option>
              ))}
            </Select>
          )}
        </Field>
        <Field
          label="Dispatch"
          hint={opaque ? 'Its spec is for its own workers.' : undefined}
          fault={faultOf(error, '/dispatch')}
        >
          {(ids) => (
            <Select {...ids} {...text('dispatch')}>
              <option value="push">push: SQS wakes the worker function</option>
              <option value="pull">pull: it waits for a worker of yours</option>
            </Select>
          )}
        </Field>
        <Field label="Labels" hint="key=value, several with commas between" fault={faultOf(error, '/labels')}>
          {(ids) => <Input {...ids} {...text('labels')} />}
        </Field>
        <Field label="Not before" hint="In your zone; at once if left empty." fault={faultOf(error, '/run_after')}>
          {(ids) => <Input {...ids} type="datetime-local" {...text('runAfter')} />}
        </Field>
        <Field label="Attempts at most" hint="As the spec says if left empty." fault={faultOf(error, '/max_attempts')}>
          {(ids) => <Input {...ids} type="number" min={1} max={20} {...text('maxAttempts')} />}
        </Field>
        <Field label="Concurrency key" hint="One run with it at a time." fault={faultOf(error, '/concurrency_key')}>
          {(ids) => <Input {...ids} maxLength={200} {...text('concurrencyKey')} />}
        </Field>
      </div>
    </Card>
  );
}
