import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api, unwrap } from '@/api/client';
import type { RunDetails } from '@/api/types';
import { useIdentity } from '@/app/gate';
import { copy } from '@/components/copy';
import { Dialog, DialogActions, Menu } from '@/components/dialog';
import { Failure } from '@/components/failure';
import { tell } from '@/components/toast';
import { Button, Field, TextArea } from '@/components/ui';
import ui from '@/components/ui.module.css';
import { inFlight } from '@/features/runs/use-runs';
import { curl } from '@/lib/curl';
import { may } from '@/lib/roles';
import { isOpaque } from '@/lib/spec';

/** What may be done with a run, by whom, and as it stands. */
export function Actions({ details }: { details: RunDetails }) {
  const { run, pipeline_version: version } = details;
  const { roles, open } = useIdentity();
  const [cancelling, setCancelling] = useState(false);
  const [retrying, setRetrying] = useState<'start' | 'failed' | null>(null);
  const mayRetry = may(roles, 'run.retry') && (run.status === 'FAILED' || run.status === 'CANCELLED');

  const url = (path: string) => new URL(path, location.origin).href;
  const create = {
    tenant_id: run.tenant_id,
    pipeline_version_id: run.pipeline_version_id,
    parameters: run.parameters,
    queue: run.queue,
    priority: run.priority,
    dispatch: run.dispatch,
    labels: run.labels,
    max_attempts: run.max_attempts,
    max_lost: run.max_lost,
  };
  return (
    <div className={ui.row}>
      {may(roles, 'run.cancel') && inFlight(run) && (
        <Button tone="danger" onClick={() => setCancelling(true)}>
          Cancel run
        </Button>
      )}
      {mayRetry && !isOpaque(version.dag_spec) && (
        <Button tone="primary" onClick={() => setRetrying('failed')}>
          Retry from failed step
        </Button>
      )}
      {mayRetry && <Button onClick={() => setRetrying('start')}>Retry from start</Button>}
      {may(roles, 'run.create') && version.status === 'APPROVED' && (
        <Link
          className={ui.button}
          to="/versions/$versionId/start"
          params={{ versionId: version.id }}
          search={{ from: run.id }}
        >
          Run again…
        </Link>
      )}
      <Menu
        trigger="Copy as curl"
        items={[
          {
            label: 'Get this run',
            onSelect: () => void copy(curl('GET', url(`/api/runs/${run.id}`), undefined, !open), 'Command'),
          },
          {
            label: 'Create a run like it',
            onSelect: () => void copy(curl('POST', url('/api/runs'), create, !open), 'Command'),
          },
          {
            label: 'Cancel it',
            onSelect: () => void copy(curl('POST', url(`/api/runs/${run.id}/cancel`), {}, !open), 'Command'),
          },
          {
            label: 'Retry it from the failed step',
            onSelect: () =>
              void copy(curl('POST', url(`/api/runs/${run.id}/retry`), { from: 'failed' }, !open), 'Command'),
          },
        ]}
      />
      {cancelling && <CancelDialog runId={run.id} onClose={() => setCancelling(false)} />}
      {retrying && <RetryDialog details={details} from={retrying} onClose={() => setRetrying(null)} />}
    </div>
  );
}

function CancelDialog({ runId, onClose }: { runId: string; onClose: () => void }) {
  const [reason, setReason] = useState('');
  const client = useQueryClient();
  const cancel = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST('/api/runs/{run_id}/cancel', {
          params: { path: { run_id: runId } },
          body: reason.trim() ? { reason: reason.trim() } : {},
        }),
      ),
    onSuccess: async () => {
      tell('The run is cancelled');
      await client.invalidateQueries({ queryKey: ['run', runId] });
      onClose();
    },
  });
  return (
    <Dialog title="Cancel this run?" open onClose={onClose}>
      <div className={ui.stack}>
        <p>Its worker is told with its next heartbeat; steps under way are stopped where they are.</p>
        <Field label="Reason" hint="The run shows it. May be left out.">
          {(ids) => (
            <TextArea
              {...ids}
              rows={3}
              maxLength={1000}
              value={reason}
              onChange={(event) => setReason(event.target.value)}
            />
          )}
        </Field>
        {cancel.error && <Failure error={cancel.error} />}
      </div>
      <DialogActions onCancel={onClose} cancel="Let it run">
        <Button tone="dangerStrong" disabled={cancel.isPending} onClick={() => cancel.mutate()}>
          Cancel run
        </Button>
      </DialogActions>
    </Dialog>
  );
}

function RetryDialog({
  details: { run },
  from,
  onClose,
}: {
  details: RunDetails;
  from: 'start' | 'failed';
  onClose: () => void;
}) {
  // One key for this dialog: a second click, or a second try after no answer, makes no second run.
  const [key] = useState(() => crypto.randomUUID());
  const navigate = useNavigate();
  const retry = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST('/api/runs/{run_id}/retry', {
          params: { path: { run_id: run.id }, header: { 'Idempotency-Key': key } },
          body: { from },
        }),
      ),
    onSuccess: async (next) => {
      tell('The new run is created');
      onClose();
      await navigate({ to: '/runs/$runId', params: { runId: next.id } });
    },
  });
  return (
    <Dialog title={from === 'failed' ? 'Retry from the failed step?' : 'Retry from the start?'} open onClose={onClose}>
      <div className={ui.stack}>
        <p>
          A new run is made, with the same parameters. This one stays as it is.{' '}
          {from === 'failed' &&
            'Results of steps that succeeded or were skipped are kept, unless something they depend on runs again.'}
        </p>
        {retry.error && <Failure error={retry.error} />}
      </div>
      <DialogActions onCancel={onClose}>
        <Button tone="primary" disabled={retry.isPending} onClick={() => retry.mutate()}>
          Retry
        </Button>
      </DialogActions>
    </Dialog>
  );
}
