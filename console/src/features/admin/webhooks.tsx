import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api, unwrap } from '@/api/client';
import type { Webhook } from '@/api/types';
import { useIdentity } from '@/app/gate';
import { useTenant } from '@/app/use-tenant';
import { useTitle } from '@/app/use-title';
import { Failure } from '@/components/failure';
import { Paged, Table, usePaged } from '@/components/paged';
import { Status } from '@/components/status';
import { Time } from '@/components/time';
import { tell } from '@/components/toast';
import { Button, Text } from '@/components/ui';
import ui from '@/components/ui.module.css';
import { may } from '@/lib/roles';

export function WebhooksPage() {
  useTitle('Webhooks');
  const tenant = useTenant();
  const { roles } = useIdentity();
  const client = useQueryClient();
  const { query, items } = usePaged(['webhooks', tenant], (cursor) =>
    unwrap(api.GET('/api/webhooks', { params: { query: { tenant_id: tenant, limit: 50, cursor } } })),
  );
  const pause = useMutation({
    mutationFn: ({ id, paused }: Webhook) =>
      unwrap(
        api.PATCH('/api/webhooks/{webhook_id}', { params: { path: { webhook_id: id } }, body: { paused: !paused } }),
      ),
    onSuccess: async (now) => {
      tell(now.paused ? 'The webhook is paused' : 'The webhook goes on');
      await client.invalidateQueries({ queryKey: ['webhooks'] });
    },
  });
  return (
    <div className={ui.page}>
      <h1>Webhooks</h1>
      {pause.error && <Failure error={pause.error} />}
      <Paged query={query} what="webhooks" empty="There are no webhooks" count={items.length}>
        <Table label="Webhooks" head={['Name', 'Address', 'Events', 'Created', '']}>
          {items.map((webhook) => (
            <tr key={webhook.id}>
              <td>
                <Text limit={120}>{webhook.name}</Text> {webhook.paused && <Status status="PAUSED" />}
              </td>
              <td>
                <Text>{webhook.url}</Text>
              </td>
              <td>
                <Text>{webhook.event_types?.join(', ') ?? 'all'}</Text>
              </td>
              <td>
                <Time at={webhook.created_at} />
              </td>
              <td>
                {may(roles, 'webhook.write') && (
                  <Button tiny disabled={pause.isPending} onClick={() => pause.mutate(webhook)}>
                    {webhook.paused ? 'Let it go on' : 'Pause'}
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </Table>
      </Paged>
    </div>
  );
}
