import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { api, unwrap } from '@/api/client';
import type { Schedule } from '@/api/types';
import { useIdentity } from '@/app/gate';
import { usePipelineNames } from '@/app/queries';
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
import { shortId } from '@/lib/text';

export function SchedulesPage() {
  useTitle('Schedules');
  const tenant = useTenant();
  const { roles } = useIdentity();
  const names = usePipelineNames(tenant);
  const client = useQueryClient();
  const { query, items } = usePaged(['schedules', tenant], (cursor) =>
    unwrap(api.GET('/api/schedules', { params: { query: { tenant_id: tenant, limit: 50, cursor } } })),
  );
  const pause = useMutation({
    mutationFn: ({ id, paused }: Schedule) =>
      unwrap(
        api.PATCH('/api/schedules/{schedule_id}', { params: { path: { schedule_id: id } }, body: { paused: !paused } }),
      ),
    onSuccess: async (now) => {
      tell(now.paused ? 'The schedule is paused' : 'The schedule goes on');
      await client.invalidateQueries({ queryKey: ['schedules'] });
    },
  });
  return (
    <div className={ui.page}>
      <h1>Schedules</h1>
      {pause.error && <Failure error={pause.error} />}
      <Paged query={query} what="schedules" empty="There are no schedules" count={items.length}>
        <Table label="Schedules" head={['Name', 'Pipeline', 'When', 'Next', 'Last', '']}>
          {items.map((schedule) => (
            <tr key={schedule.id}>
              <td>
                <Text limit={120}>{schedule.name}</Text> {schedule.paused && <Status status="PAUSED" />}
              </td>
              <td>
                <Link to="/pipelines/$pipelineId" params={{ pipelineId: schedule.pipeline_id }}>
                  <Text limit={80}>{names.get(schedule.pipeline_id) ?? shortId(schedule.pipeline_id)}</Text>
                </Link>
              </td>
              <td>
                <code>{schedule.cron}</code> <Text limit={60}>{schedule.time_zone}</Text>
              </td>
              <td>
                <Time at={schedule.next_due_at} />
              </td>
              <td>
                {schedule.last_run_id && (
                  <Link to="/runs/$runId" params={{ runId: schedule.last_run_id }}>
                    <Time at={schedule.last_due_at} />
                  </Link>
                )}
                {schedule.last_error && (
                  <p className={ui.fault}>
                    <Text limit={500}>{schedule.last_error}</Text>
                  </p>
                )}
              </td>
              <td>
                {may(roles, 'schedule.write') && (
                  <Button tiny disabled={pause.isPending} onClick={() => pause.mutate(schedule)}>
                    {schedule.paused ? 'Let it go on' : 'Pause'}
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
