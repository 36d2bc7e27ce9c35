import { getRouteApi } from '@tanstack/react-router';
import { api, unwrap } from '@/api/client';
import { useTenant } from '@/app/use-tenant';
import { useTitle } from '@/app/use-title';
import { Json } from '@/components/json';
import { Paged, Table, usePaged } from '@/components/paged';
import { Time } from '@/components/time';
import { Field, Select, Text } from '@/components/ui';
import ui from '@/components/ui.module.css';

const route = getRouteApi('/admin/audit');

/** As docs/api.md lists them. */
const ACTIONS = [
  'version.approved',
  'version.deprecated',
  'run.cancelled',
  'run.retried',
  'key.created',
  'key.revoked',
  'connection.created',
  'connection.deleted',
  'webhook.created',
  'webhook.changed',
  'webhook.deleted',
  'webhook.retried',
  'tenant.created',
  'tenant.changed',
  'tenant.deletion_started',
  'tenant.deleted',
  'pipeline.created',
  'pipeline.changed',
  'schedule.created',
  'schedule.changed',
  'schedule.deleted',
];

export function AuditPage() {
  useTitle('Audit log');
  const tenant = useTenant();
  const { action } = route.useSearch();
  const navigate = route.useNavigate();
  const { query, items } = usePaged(['audit', tenant, action], (cursor) =>
    unwrap(api.GET('/api/audit', { params: { query: { tenant_id: tenant, action, limit: 50, cursor } } })),
  );
  return (
    <div className={ui.page}>
      <h1>Audit log</h1>
      <div className={ui.grid}>
        <Field label="Action">
          {(ids) => (
            <Select
              {...ids}
              value={action ?? ''}
              onChange={(event) =>
                void navigate({ search: (old) => ({ ...old, action: event.target.value || undefined }), replace: true })
              }
            >
              <option value="">All</option>
              {ACTIONS.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </Select>
          )}
        </Field>
      </div>
      <Paged query={query} what="entries" empty="Nothing of the kind has happened" count={items.length}>
        <Table label="Audit log" head={['When', 'What', 'Who', 'Which', 'Details']}>
          {items.map((entry) => (
            <tr key={entry.id}>
              <td>
                <Time at={entry.at} />
              </td>
              <td>{entry.action}</td>
              <td>
                <Text limit={200}>{entry.principal}</Text>
                <br />
                <span className={ui.hint}>
                  request <code>{entry.request_id}</code>
                </span>
              </td>
              <td>
                <code>{entry.subject_id}</code>
              </td>
              <td>
                <Json value={entry.details} what="the details" />
              </td>
            </tr>
          ))}
        </Table>
      </Paged>
    </div>
  );
}
