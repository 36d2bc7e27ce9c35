import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, unwrap } from '@/api/client';
import type { ApiKey } from '@/api/types';
import { useIdentity } from '@/app/gate';
import { useTenant } from '@/app/use-tenant';
import { useTitle } from '@/app/use-title';
import { Dialog, DialogActions } from '@/components/dialog';
import { Failure } from '@/components/failure';
import { Paged, Table, usePaged } from '@/components/paged';
import { Time } from '@/components/time';
import { tell } from '@/components/toast';
import { Button, Text } from '@/components/ui';
import ui from '@/components/ui.module.css';
import { may } from '@/lib/roles';
import { CreateKey } from './create-key';

export function KeysPage() {
  useTitle('Keys');
  const tenant = useTenant();
  const { roles } = useIdentity();
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  const { query, items } = usePaged(['keys', tenant], (cursor) =>
    unwrap(api.GET('/api/keys', { params: { query: { tenant_id: tenant, limit: 50, cursor } } })),
  );
  return (
    <div className={ui.page}>
      <div className={ui.pageHead}>
        <h1>Keys</h1>
        {may(roles, 'key.write') && (
          <Button tone="primary" onClick={() => setCreating(true)}>
            New key
          </Button>
        )}
      </div>
      <Paged query={query} what="keys" empty="There are no keys" count={items.length}>
        <Table label="Keys" head={['Name', 'Roles', 'For', 'State', 'Used last', 'Created', '']}>
          {items.map((key) => (
            <tr key={key.id}>
              <td>
                <Text limit={120}>{key.name}</Text>
              </td>
              <td>{key.roles.join(', ')}</td>
              <td>{key.tenant_id ? <code>{key.tenant_id}</code> : 'every tenant'}</td>
              <td>
                <State of={key} />
              </td>
              <td>
                <Time at={key.last_used_at} relative={key.last_used_at !== null} />
              </td>
              <td>
                <Time at={key.created_at} /> by <Text limit={100}>{key.created_by}</Text>
              </td>
              <td>
                {may(roles, 'key.write') && !key.revoked_at && (
                  <Button tiny tone="danger" onClick={() => setRevoking(key)} aria-label={`Revoke ${key.name}`}>
                    Revoke
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </Table>
      </Paged>
      {creating && <CreateKey onClose={() => setCreating(false)} />}
      {revoking && <Revoke of={revoking} onClose={() => setRevoking(null)} />}
    </div>
  );
}

function State({ of: key }: { of: ApiKey }) {
  if (key.revoked_at) {
    return (
      <>
        revoked <Time at={key.revoked_at} /> by <Text limit={80}>{key.revoked_by}</Text>
      </>
    );
  }
  if (key.expires_at) {
    return (
      <>
        {Date.parse(key.expires_at) < Date.now() ? 'expired' : 'expires'} <Time at={key.expires_at} />
      </>
    );
  }
  return <>valid</>;
}

function Revoke({ of: key, onClose }: { of: ApiKey; onClose: () => void }) {
  const client = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => unwrap(api.DELETE('/api/keys/{key_id}', { params: { path: { key_id: key.id } } })),
    onSuccess: async () => {
      tell('The key is revoked');
      await client.invalidateQueries({ queryKey: ['keys'] });
      onClose();
    },
  });
  return (
    <Dialog title="Revoke this key?" open onClose={onClose}>
      <div className={ui.stack}>
        <p>
          Within a minute <strong>{<Text limit={120}>{key.name}</Text>}</strong> lets nobody in any more, whoever uses
          it. Nothing brings it back.
        </p>
        {revoke.error && <Failure error={revoke.error} />}
      </div>
      <DialogActions onCancel={onClose}>
        <Button tone="dangerStrong" disabled={revoke.isPending} onClick={() => revoke.mutate()}>
          Revoke
        </Button>
      </DialogActions>
    </Dialog>
  );
}
