import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, unwrap } from '@/api/client';
import { useIdentity } from '@/app/gate';
import { pipelinesQuery, tenantsQuery } from '@/app/queries';
import { useTenant } from '@/app/use-tenant';
import { useTitle } from '@/app/use-title';
import { Failure } from '@/components/failure';
import { Table } from '@/components/paged';
import { Status } from '@/components/status';
import { tell } from '@/components/toast';
import { Button, Card, Empty, Input, Loading, Text } from '@/components/ui';
import ui from '@/components/ui.module.css';
import { may } from '@/lib/roles';

interface Limited {
  id: string;
  name: string;
  paused: boolean;
  max_running?: number | null;
}

interface Change {
  paused?: boolean;
  max_running?: number | null;
}

export function LimitsPage() {
  useTitle('Limits');
  const tenant = useTenant();
  const { roles } = useIdentity();
  const client = useQueryClient();
  const tenants = useQuery(tenantsQuery);
  const pipelines = useQuery(pipelinesQuery(tenant));
  const again = async () => {
    tell('The limit is changed; the next claim knows of it');
    await client.invalidateQueries({ queryKey: ['tenants'] });
    await client.invalidateQueries({ queryKey: ['pipelines'] });
  };
  const shown = tenants.data?.items.filter((one) => tenant === undefined || one.id === tenant) ?? [];
  return (
    <div className={ui.page}>
      <h1>Limits</h1>
      <p className={ui.soft}>
        How many runs may hold a live lease at once, and what is paused. A limit that is lowered ends nothing.
      </p>
      <Card title="Tenants">
        {tenants.error && <Failure error={tenants.error} />}
        {tenants.isPending && <Loading what="tenants" />}
        <Rows
          label="Limits of tenants"
          items={shown}
          writable={may(roles, 'tenant.write')}
          onChange={async (id, body) => {
            await unwrap(api.PATCH('/api/tenants/{tenant_id}', { params: { path: { tenant_id: id } }, body }));
            await again();
          }}
        />
      </Card>
      <Card title="Pipelines">
        {pipelines.error && <Failure error={pipelines.error} />}
        {pipelines.isPending && <Loading what="pipelines" />}
        {pipelines.data?.items.length === 0 && <Empty title="There are no pipelines yet" />}
        <Rows
          label="Limits of pipelines"
          items={pipelines.data?.items ?? []}
          writable={may(roles, 'pipeline.write')}
          onChange={async (id, body) => {
            await unwrap(api.PATCH('/api/pipelines/{pipeline_id}', { params: { path: { pipeline_id: id } }, body }));
            await again();
          }}
        />
        {pipelines.data?.next_cursor && <p className={ui.hint}>The newest hundred are shown.</p>}
      </Card>
    </div>
  );
}

interface RowsProps {
  label: string;
  items: readonly Limited[];
  writable: boolean;
  onChange: (id: string, change: Change) => Promise<void>;
}

function Rows({ label, items, writable, onChange }: RowsProps) {
  if (items.length === 0) return null;
  return (
    <Table label={label} head={['Name', 'Claims', 'Runs at once', '']}>
      {items.map((item) => (
        <Row
          key={`${item.id} ${item.max_running} ${item.paused}`}
          item={item}
          writable={writable}
          onChange={onChange}
        />
      ))}
    </Table>
  );
}

function Row({ item, writable, onChange }: { item: Limited; writable: boolean; onChange: RowsProps['onChange'] }) {
  const [most, setMost] = useState(
    item.max_running === null || item.max_running === undefined ? '' : String(item.max_running),
  );
  const change = useMutation({ mutationFn: (body: Change) => onChange(item.id, body) });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate({ max_running: most === '' ? null : Number(most) });
  };
  return (
    <tr>
      <td>
        <Text limit={120}>{item.name}</Text>
      </td>
      <td>{item.paused ? <Status status="PAUSED" /> : 'go on'}</td>
      <td>
        {writable ? (
          <form className={ui.row} onSubmit={submit}>
            <Input
              type="number"
              min={0}
              max={2147483647}
              placeholder="any number"
              aria-label={`Runs at once of ${item.name.slice(0, 60)}`}
              value={most}
              onChange={(event) => setMost(event.target.value)}
            />
            <Button tiny type="submit" disabled={change.isPending || most === String(item.max_running ?? '')}>
              Set
            </Button>
          </form>
        ) : (
          (item.max_running ?? 'any number')
        )}
        {change.error && <Failure error={change.error} />}
      </td>
      <td>
        {writable && (
          <Button tiny disabled={change.isPending} onClick={() => change.mutate({ paused: !item.paused })}>
            {item.paused ? 'Let it go on' : 'Pause'}
          </Button>
        )}
      </td>
    </tr>
  );
}
