import { api, unwrap } from '@/api/client';
import { useTenant } from '@/app/use-tenant';
import { useTitle } from '@/app/use-title';
import { Paged, Table, usePaged } from '@/components/paged';
import { Status } from '@/components/status';
import { Time } from '@/components/time';
import { Empty, Text } from '@/components/ui';
import ui from '@/components/ui.module.css';

export function WorkersPage() {
  useTitle('Workers');
  const tenant = useTenant();
  const { query, items } = usePaged(['workers', tenant], (cursor) =>
    unwrap(api.GET('/api/workers', { params: { query: { tenant_id: tenant, limit: 100, cursor } } })),
  );
  return (
    <div className={ui.page}>
      <h1>Workers</h1>
      <p className={ui.soft}>Whoever claimed within the last week. Nobody registers: whoever claims is seen.</p>
      <Paged
        query={query}
        what="workers"
        count={items.length}
        empty={
          <Empty title="No worker was seen within the last week">
            <p>The worker function claims when SQS wakes it; others are started with runplane worker.</p>
          </Empty>
        }
      >
        <Table label="Workers" head={['Worker', 'State', 'Running', 'Queues', 'For', 'Seen', 'Since']}>
          {items.map((worker) => (
            <tr key={`${worker.worker_id} ${worker.tenant_id}`}>
              <td>
                <Text limit={200}>{worker.worker_id}</Text>
              </td>
              <td>
                <Status status={worker.alive ? 'ALIVE' : 'SILENT'} />
              </td>
              <td className={ui.num}>{worker.running}</td>
              <td>
                <Text>{worker.queues ? worker.queues.join(', ') : 'all'}</Text>
              </td>
              <td>{worker.tenant_id ? <code>{worker.tenant_id}</code> : 'every tenant'}</td>
              <td>
                <Time at={worker.last_seen_at} relative />
              </td>
              <td>
                <Time at={worker.since} />
              </td>
            </tr>
          ))}
        </Table>
      </Paged>
    </div>
  );
}
