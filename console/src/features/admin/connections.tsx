import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, unwrap } from '@/api/client';
import type { Connection } from '@/api/types';
import { useIdentity } from '@/app/gate';
import { useTenant, useTenantToWrite } from '@/app/use-tenant';
import { useTitle } from '@/app/use-title';
import { Dialog, DialogActions } from '@/components/dialog';
import { Failure, faultOf } from '@/components/failure';
import { Json } from '@/components/json';
import { Paged, Table, usePaged } from '@/components/paged';
import { Time } from '@/components/time';
import { tell } from '@/components/toast';
import { Button, Field, Input, Select, Text, TextArea } from '@/components/ui';
import ui from '@/components/ui.module.css';
import { ChooseTenant } from '@/features/pipelines/pipelines';
import { may } from '@/lib/roles';
import { parseSpec } from '@/lib/spec-text';

/** What a config of each kind begins with. */
const STARTERS = {
  http: { base_url: 'https://api.example.com' },
  sql: { host: 'db.example.com', database: 'warehouse', user: 'loader', tls: 'verify_full' },
  lambda: { function: 'my-function' },
  sqs: { queue_url: 'https://sqs.eu-central-1.amazonaws.com/123456789012/my-queue' },
} as const;
type Kind = keyof typeof STARTERS;
const KINDS = Object.keys(STARTERS) as Kind[];

export function ConnectionsPage() {
  useTitle('Connections');
  const tenant = useTenant();
  const { roles } = useIdentity();
  const [creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<Connection | null>(null);
  const { query, items } = usePaged(['connections', tenant], (cursor) =>
    unwrap(api.GET('/api/connections', { params: { query: { tenant_id: tenant, limit: 50, cursor } } })),
  );
  const writable = may(roles, 'connection.write');
  return (
    <div className={ui.page}>
      <div className={ui.pageHead}>
        <h1>Connections</h1>
        {writable && (
          <Button tone="primary" onClick={() => setCreating(true)}>
            New connection
          </Button>
        )}
      </div>
      <p className={ui.soft}>What steps may reach. Secrets are named here, and kept elsewhere.</p>
      <Paged query={query} what="connections" empty="There are no connections" count={items.length}>
        <Table label="Connections" head={['Name', 'Kind', 'Config', 'Name of the secret', 'Created', '']}>
          {items.map((connection) => (
            <tr key={connection.id}>
              <td>
                <Text limit={120}>{connection.name}</Text>
              </td>
              <td>{connection.kind}</td>
              <td>
                <Json value={connection.config} what={`the config of ${connection.name.slice(0, 40)}`} />
              </td>
              <td>{connection.secret_ref ? <Text>{connection.secret_ref}</Text> : 'none'}</td>
              <td>
                <Time at={connection.created_at} />
              </td>
              <td>
                {writable && (
                  <Button
                    tiny
                    tone="danger"
                    onClick={() => setDeleting(connection)}
                    aria-label={`Delete ${connection.name}`}
                  >
                    Delete
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </Table>
      </Paged>
      {creating && <Create onClose={() => setCreating(false)} />}
      {deleting && <Delete of={deleting} onClose={() => setDeleting(null)} />}
    </div>
  );
}

function Create({ onClose }: { onClose: () => void }) {
  const { tenantId, missing } = useTenantToWrite();
  const [name, setName] = useState('');
  const [kind, setKind] = useState<Kind>('http');
  const [config, setConfig] = useState(JSON.stringify(STARTERS.http, null, 2));
  const [secret, setSecret] = useState('');
  const client = useQueryClient();
  const parsed = parseSpec(config);
  const create = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST('/api/connections', {
          body: {
            name,
            kind,
            // The API checks what a kind takes, and says where it is wrong.
            config: (parsed.spec ?? {}) as Connection['config'],
            ...(secret ? { secret_ref: secret } : {}),
            ...(tenantId ? { tenant_id: tenantId } : {}),
          },
        }),
      ),
    onSuccess: async () => {
      tell('The connection is made');
      await client.invalidateQueries({ queryKey: ['connections'] });
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <Dialog title="New connection" open onClose={onClose}>
      <form className={ui.stack} onSubmit={submit}>
        {missing && <ChooseTenant />}
        <Field label="Name" fault={faultOf(create.error, '/name')}>
          {(ids) => (
            <Input {...ids} required maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
          )}
        </Field>
        <Field label="Kind">
          {(ids) => (
            <Select
              {...ids}
              value={kind}
              onChange={(event) => {
                const next = KINDS.find((one) => one === event.target.value) ?? 'http';
                setKind(next);
                setConfig(JSON.stringify(STARTERS[next], null, 2));
              }}
            >
              {KINDS.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </Select>
          )}
        </Field>
        <Field
          label="Config, as JSON"
          hint="No secrets: they would be shown to everybody."
          fault={parsed.problem?.message}
        >
          {(ids) => <TextArea {...ids} rows={7} value={config} onChange={(event) => setConfig(event.target.value)} />}
        </Field>
        {(kind === 'http' || kind === 'sql') && (
          <Field
            label="Name of the secret"
            hint="The name of one of the tenant's secrets, never the secret."
            fault={faultOf(create.error, '/secret_ref')}
          >
            {(ids) => (
              <Input {...ids} maxLength={256} value={secret} onChange={(event) => setSecret(event.target.value)} />
            )}
          </Field>
        )}
        {create.error && <Failure error={create.error} />}
        <DialogActions onCancel={onClose}>
          <Button type="submit" tone="primary" disabled={missing || !parsed.spec || create.isPending}>
            Create
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

function Delete({ of: connection, onClose }: { of: Connection; onClose: () => void }) {
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () =>
      unwrap(api.DELETE('/api/connections/{connection_id}', { params: { path: { connection_id: connection.id } } })),
    onSuccess: async () => {
      tell('The connection is deleted');
      await client.invalidateQueries({ queryKey: ['connections'] });
      onClose();
    },
  });
  return (
    <Dialog title="Delete this connection?" open onClose={onClose}>
      <div className={ui.stack}>
        <p>
          Versions that name <strong>{<Text limit={100}>{connection.name}</Text>}</strong> stay approved, and their
          steps fail until there is one of this name again.
        </p>
        {remove.error && <Failure error={remove.error} />}
      </div>
      <DialogActions onCancel={onClose}>
        <Button tone="dangerStrong" disabled={remove.isPending} onClick={() => remove.mutate()}>
          Delete
        </Button>
      </DialogActions>
    </Dialog>
  );
}
