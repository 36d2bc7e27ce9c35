import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { api, unwrap } from '@/api/client';
import type { Pipeline, Version } from '@/api/types';
import { useIdentity } from '@/app/gate';
import { pipelineQuery } from '@/app/queries';
import { useTitle } from '@/app/use-title';
import { Dialog, DialogActions } from '@/components/dialog';
import { Failure, faultOf } from '@/components/failure';
import { Paged, Table, usePaged } from '@/components/paged';
import { Status } from '@/components/status';
import { Time } from '@/components/time';
import { tell } from '@/components/toast';
import { Button, Card, Facts, Field, Input, Loading, Select, Text } from '@/components/ui';
import ui from '@/components/ui.module.css';
import { may } from '@/lib/roles';
import { parseSpec } from '@/lib/spec-text';
import { SpecEditor } from './spec-editor';

const route = getRouteApi('/pipelines/$pipelineId');

const STARTER = `{
  "steps": [
    { "id": "greet", "type": "transform", "with": { "value": "hello" } }
  ]
}`;

export function PipelinePage() {
  const { pipelineId } = route.useParams();
  const query = useQuery(pipelineQuery(pipelineId));
  const pipeline = query.data;
  useTitle(pipeline?.name ?? 'Pipeline');
  const { roles } = useIdentity();
  const [creating, setCreating] = useState(false);
  const versions = usePaged(['versions', pipelineId], (cursor) =>
    unwrap(api.GET('/api/pipeline-versions', { params: { query: { pipeline_id: pipelineId, limit: 50, cursor } } })),
  );
  if (!pipeline) {
    return (
      <div className={ui.page}>
        {query.error ? (
          <Failure error={query.error} onRetry={() => void query.refetch()} />
        ) : (
          <Loading what="the pipeline" />
        )}
      </div>
    );
  }
  return (
    <div className={ui.page}>
      <div className={ui.pageHead}>
        <div>
          <h1>
            <Text>{pipeline.name}</Text> {pipeline.paused && <Status status="PAUSED" />}
          </h1>
          <p className={ui.soft}>
            <Text limit={2000}>{pipeline.description}</Text>
          </p>
        </div>
        <Link className={ui.button} to="/runs" search={{ pipeline: pipeline.id }}>
          Its runs
        </Link>
        {may(roles, 'version.write') && (
          <Button tone="primary" onClick={() => setCreating(true)}>
            New version
          </Button>
        )}
      </div>
      <Paged
        query={versions.query}
        what="versions"
        empty="This pipeline has no versions yet"
        count={versions.items.length}
      >
        <Table label="Versions" head={['Version', 'Status', 'Created', 'Changed', 'Approved', '']}>
          {versions.items.map((version) => (
            <VersionLine key={version.id} version={version} mayRun={may(roles, 'run.create')} />
          ))}
        </Table>
      </Paged>
      <Settings pipeline={pipeline} writable={may(roles, 'pipeline.write')} />
      {creating && <CreateVersion pipeline={pipeline} versions={versions.items} onClose={() => setCreating(false)} />}
    </div>
  );
}

function VersionLine({ version, mayRun }: { version: Version; mayRun: boolean }) {
  return (
    <tr>
      <td>
        <Link to="/versions/$versionId" params={{ versionId: version.id }}>
          <Text limit={60}>{version.version}</Text>
        </Link>
      </td>
      <td>
        <Status status={version.status} />
      </td>
      <td>
        <Time at={version.created_at} />
      </td>
      <td>
        <Time at={version.updated_at} />
      </td>
      <td>
        {version.approved_at && (
          <>
            <Time at={version.approved_at} /> <Text limit={80}>{version.approved_by}</Text>
          </>
        )}
      </td>
      <td>
        {mayRun && version.status === 'APPROVED' && (
          <Link to="/versions/$versionId/start" params={{ versionId: version.id }}>
            Start a run
          </Link>
        )}
      </td>
    </tr>
  );
}

function Settings({ pipeline, writable }: { pipeline: Pipeline; writable: boolean }) {
  const client = useQueryClient();
  const change = useMutation({
    mutationFn: (paused: boolean) =>
      unwrap(
        api.PATCH('/api/pipelines/{pipeline_id}', { params: { path: { pipeline_id: pipeline.id } }, body: { paused } }),
      ),
    onSuccess: async (now) => {
      client.setQueryData(pipelineQuery(pipeline.id).queryKey, now);
      await client.invalidateQueries({ queryKey: ['pipelines-paged'] });
      tell(now.paused ? 'The pipeline is paused' : 'The pipeline goes on');
    },
  });
  return (
    <Card
      title="Settings"
      action={
        writable && (
          <Button tiny disabled={change.isPending} onClick={() => change.mutate(!pipeline.paused)}>
            {pipeline.paused ? 'Let it go on' : 'Pause'}
          </Button>
        )
      }
    >
      {change.error && <Failure error={change.error} />}
      <Facts
        of={[
          ['Queue', <Text key="queue">{pipeline.queue ?? 'default'}</Text>],
          ['At once', pipeline.max_running ?? 'any number of runs'],
          ['Claims', pipeline.paused ? 'paused: none of its runs is claimed' : 'go on'],
          ['Created', <Time key="created" at={pipeline.created_at} />],
          ['Id', <code key="id">{pipeline.id}</code>],
        ]}
      />
    </Card>
  );
}

function CreateVersion({
  pipeline,
  versions,
  onClose,
}: {
  pipeline: Pipeline;
  versions: Version[];
  onClose: () => void;
}) {
  const [name, setName] = useState('');
  const [copyOf, setCopyOf] = useState(versions[0]?.id ?? '');
  const [spec, setSpec] = useState(STARTER);
  const client = useQueryClient();
  const navigate = useNavigate();
  const parsed = parseSpec(spec);
  const create = useMutation({
    mutationFn: () => {
      const base = { tenant_id: pipeline.tenant_id, pipeline_id: pipeline.id, version: name };
      const body = copyOf ? { ...base, copy_of: copyOf } : { ...base, dag_spec: parsed.spec ?? {} };
      return unwrap(api.POST('/api/pipeline-versions', { body }));
    },
    onSuccess: async (made) => {
      await client.invalidateQueries({ queryKey: ['versions', pipeline.id] });
      onClose();
      await navigate({ to: '/versions/$versionId', params: { versionId: made.id }, search: { tab: 'spec' } });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <Dialog title="New version" open onClose={onClose} wide>
      <form className={ui.stack} onSubmit={submit}>
        <Field
          label="Version"
          hint="Once in the pipeline, up to 50 characters."
          fault={faultOf(create.error, '/version')}
        >
          {(ids) => (
            <Input
              {...ids}
              required
              maxLength={50}
              placeholder="1.0.0"
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <Field label="Begin with">
          {(ids) => (
            <Select {...ids} value={copyOf} onChange={(event) => setCopyOf(event.target.value)}>
              <option value="">a spec of its own</option>
              {versions.map((version) => (
                <option key={version.id} value={version.id}>
                  a copy of {version.version.slice(0, 50)} ({version.status.toLowerCase()})
                </option>
              ))}
            </Select>
          )}
        </Field>
        {!copyOf && <SpecEditor value={spec} onChange={setSpec} problem={parsed.problem} rows={14} />}
        {create.error && <Failure error={create.error} />}
        <DialogActions onCancel={onClose}>
          <Button type="submit" tone="primary" disabled={create.isPending || (!copyOf && !parsed.spec)}>
            Create a draft
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
