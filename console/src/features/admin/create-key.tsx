import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, unwrap } from '@/api/client';
import type { Role } from '@/api/session';
import { useIdentity } from '@/app/gate';
import { useTenantToWrite } from '@/app/use-tenant';
import { Copy } from '@/components/copy';
import { Dialog, DialogActions } from '@/components/dialog';
import { Failure, faultOf } from '@/components/failure';
import { Button, Check, Field, Input, Notice } from '@/components/ui';
import ui from '@/components/ui.module.css';

const ROLES: [Role, string][] = [
  ['viewer', 'looks at everything of the tenant'],
  ['submitter', 'creates, cancels and retries runs'],
  ['worker', 'claims and completes runs'],
  ['approver', 'approves and deprecates versions'],
  ['admin', 'prepares pipelines, connections and keys'],
  ['operator', 'everything, across tenants'],
];

/** Makes a key, and shows its text this once. */
export function CreateKey({ onClose }: { onClose: () => void }) {
  const { tenantId: own } = useIdentity();
  const { tenantId } = useTenantToWrite();
  const [name, setName] = useState('');
  const across = own === null && tenantId === undefined;
  const [roles, setRoles] = useState<Role[]>(across ? ['operator'] : ['viewer']);
  const [expires, setExpires] = useState('');
  const [rate, setRate] = useState('');
  const client = useQueryClient();
  const create = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST('/api/keys', {
          body: {
            name,
            roles,
            ...(tenantId ? { tenant_id: tenantId } : {}),
            ...(expires ? { expires_at: new Date(expires).toISOString() } : {}),
            ...(rate ? { requests_per_second: Number(rate) } : {}),
          },
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: ['keys'] }),
    // The text of the key is in the answer: it is not to stay in memory when the dialog is closed.
    gcTime: 0,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  if (create.data) {
    return (
      <Dialog title="The key is made" open onClose={onClose}>
        <div className={ui.stack}>
          <Notice tone="warn">
            <strong>It is shown this once.</strong> Put it where you keep such things now.
          </Notice>
          <div className={ui.row}>
            <code className={ui.chip} data-testid="new-key">
              {create.data.key}
            </code>
            <Copy text={create.data.key} what="the key" />
          </div>
        </div>
        <DialogActions onCancel={onClose} cancel="Done" />
      </Dialog>
    );
  }
  return (
    <Dialog title="New key" open onClose={onClose}>
      <form className={ui.stack} onSubmit={submit}>
        {across && (
          <Notice>
            No tenant is chosen beside the menu: the key will be across tenants, with operator and worker alone.
          </Notice>
        )}
        <Field label="Name" hint="Who or what uses it." fault={faultOf(create.error, '/name')}>
          {(ids) => (
            <Input {...ids} required maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
          )}
        </Field>
        <fieldset className={ui.fieldset}>
          <legend className={ui.label}>Roles</legend>
          {ROLES.filter(([role]) => (across ? role === 'operator' || role === 'worker' : role !== 'operator')).map(
            ([role, what]) => (
              <Check
                key={role}
                label={
                  <>
                    {role} <span className={ui.hint}>{what}</span>
                  </>
                }
                checked={roles.includes(role)}
                onChange={(event) =>
                  setRoles(event.target.checked ? [...roles, role] : roles.filter((one) => one !== role))
                }
              />
            ),
          )}
        </fieldset>
        <div className={ui.grid}>
          <Field label="Expires" hint="Never, if left empty." fault={faultOf(create.error, '/expires_at')}>
            {(ids) => (
              <Input
                {...ids}
                type="datetime-local"
                value={expires}
                onChange={(event) => setExpires(event.target.value)}
              />
            )}
          </Field>
          <Field
            label="Requests per second"
            hint="As many as it likes, if left empty."
            fault={faultOf(create.error, '/requests_per_second')}
          >
            {(ids) => (
              <Input
                {...ids}
                type="number"
                min={1}
                max={10000}
                value={rate}
                onChange={(event) => setRate(event.target.value)}
              />
            )}
          </Field>
        </div>
        {create.error && <Failure error={create.error} />}
        <DialogActions onCancel={onClose}>
          <Button type="submit" tone="primary" disabled={roles.length === 0 || create.isPending}>
            Make the key
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
