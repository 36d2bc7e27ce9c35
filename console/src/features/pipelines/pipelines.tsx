import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { api, unwrap } from '@/api/client';
import { useIdentity } from '@/app/gate';
import { useTenant, useTenantToWrite } from '@/app/use-tenant';
import { useTitle } from '@/app/use-title';
import { Dialog, DialogActions } from '@/components/dialog';
import { Failure, faultOf } from '@/components/failure';
import { Paged, Table, usePaged } from '@/components/paged';
import { Status } from '@/components/status';
import { Time } from '@/components/time';
import { Button, Field, Input, Notice, Text, TextArea } from '@/components/ui';
import ui from '@/components/ui.module.css';
import { may } from '@/lib/roles';

export function PipelinesPage() {
  useTitle('Pipelines');
  const tenant = useTenant();
  const { roles } = useIdentity();
  const [creating, setCreating] = useState(false);
  const { query, items } = usePaged(['pipelines-paged', tenant], (cursor) =>
    unwrap(api.GET('/api/pipelines', { params: { query: { tenant_id: tenant, limit: 50, cursor } } })),
  );
  return (
    <div className={ui.page}>
      <div className={ui.pageHead}>
        <h1>Pipelines</h1>
        {may(roles, 'pipeline.write') && (
          <Button tone="primary" onClick={() => setCreating(true)}>
            New pipeline
          </Button>
        )}
      </div>
      <Paged query={query} what="pipelines" empty="There are no pipelines yet" count={items.length}>
        <Table label="Pipelines" head={['Name', 'Description', 'Queue', 'At once', 'Created', 'Runs']}>
          {items.map((pipeline) => (
            <tr key={pipeline.id}>
              <td>
                <Link to="/pipelines/$pipelineId" params={{ pipelineId: pipeline.id }}>
                  <Text limit={120}>{pipeline.name}</Text>
                </Link>{' '}
                {pipeline.paused && <Status status="PAUSED" />}
              </td>
              <td>
                <Text limit={200}>{pipeline.description}</Text>
              </td>
              <td>
                <Text limit={60}>{pipeline.queue ?? 'default'}</Text>
              </td>
              <td>{pipeline.max_running ?? 'any number'}</td>
              <td>
                <Time at={pipeline.created_at} />
              </td>
              <td>
                <Link to="/runs" search={{ pipeline: pipeline.id }}>
                  Its runs
                </Link>
              </td>
            </tr>
          ))}
        </Table>
      </Paged>
      {creating && <CreatePipeline onClose={() => setCreating(false)} />}
    </div>
  );
}

function CreatePipeline({ onClose }: { onClose: () => void }) {
  const { tenantId, missing } = useTenantToWrite();
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const [queue, setQueue] = useState('');
  const client = useQueryClient();
  const navigate = useNavigate();
  const create = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST('/api/pipelines', {
          body: {
            name,
            ...(description ? { description } : {}),
            ...(queue ? { queue } : {}),
            ...(tenantId ? { tenant_id: tenantId } : {}),
          },
        }),
      ),
    onSuccess: async (made) => {
      await client.invalidateQueries({ queryKey: ['pipelines'] });
      await client.invalidateQueries({ queryKey: ['pipelines-paged'] });
      onClose();
      await navigate({ to: '/pipelines/$pipelineId', params: { pipelineId: made.id } });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <Dialog title="New pipeline" open onClose={onClose}>
      <form className={ui.stack} onSubmit={submit}>
        {missing && <ChooseTenant />}
        <Field label="Name" fault={faultOf(create.error, '/name')}>
          {(ids) => (
            <Input {...ids} required maxLength={200} value={name} onChange={(event) => setName(event.target.value)} />
          )}
        </Field>
        <Field label="Description" fault={faultOf(create.error, '/description')}>
          {(ids) => (
            <TextArea
              {...ids}
              rows={3}
              maxLength={2000}
              value={description}
              onChange={(event) => setDescription(event.target.value)}
            />
          )}
        </Field>
        <Field label="Queue" hint="Of runs whose creator names none." fault={faultOf(create.error, '/queue')}>
          {(ids) => (
            <Input
              {...ids}
              maxLength={100}
              placeholder="default"
              value={queue}
              onChange={(event) => setQueue(event.target.value)}
            />
          )}
        </Field>
        {create.error && <Failure error={create.error} />}
        <DialogActions onCancel={onClose}>
          <Button type="submit" tone="primary" disabled={missing || create.isPending}>
            Create
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

export function ChooseTenant() {
  return (
    <Notice tone="warn">You see several tenants. Choose one beside the menu first: what you make belongs to it.</Notice>
  );
}
