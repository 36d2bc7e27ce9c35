import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, unwrap } from '@/api/client';
import { ApiError, type Fault } from '@/api/problem';
import type { VersionInFull } from '@/api/types';
import { useIdentity } from '@/app/gate';
import { versionQuery } from '@/app/queries';
import { Dialog, DialogActions } from '@/components/dialog';
import { Failure } from '@/components/failure';
import { tell } from '@/components/toast';
import { Button, Field, TextArea } from '@/components/ui';
import ui from '@/components/ui.module.css';
import { may } from '@/lib/roles';

interface Props {
  version: VersionInFull;
  onFaults: (faults: readonly Fault[]) => void;
}

/** Approve and deprecate, with a comment. What is wrong with the spec is handed on, to be shown where it is. */
export function StatusActions({ version, onFaults }: Props) {
  const { roles } = useIdentity();
  const [to, setTo] = useState<'APPROVED' | 'DEPRECATED' | null>(null);
  const [comment, setComment] = useState('');
  const client = useQueryClient();
  const change = useMutation({
    mutationFn: (status: 'APPROVED' | 'DEPRECATED') =>
      unwrap(
        api.POST('/api/pipeline-versions/{pipeline_version_id}/status', {
          params: { path: { pipeline_version_id: version.id } },
          body: { status, revision: version.revision, ...(comment.trim() ? { comment: comment.trim() } : {}) },
        }),
      ),
    onSuccess: async (now, status) => {
      onFaults([]);
      client.setQueryData(versionQuery(version.id).queryKey, now);
      await client.invalidateQueries({ queryKey: ['versions', version.pipeline_id] });
      tell(status === 'APPROVED' ? 'The version is approved' : 'The version is deprecated');
      close();
    },
    onError: (error) => {
      if (!(error instanceof ApiError) || error.code !== 'invalid_dag_spec') return;
      onFaults(error.faults);
      close();
    },
  });
  const close = () => {
    setTo(null);
    setComment('');
    change.reset();
  };
  if (!may(roles, 'version.approve')) return null;
  return (
    <>
      {version.status !== 'APPROVED' && (
        <Button tone="primary" onClick={() => setTo('APPROVED')}>
          {version.status === 'DRAFT' ? 'Approve…' : 'Approve again…'}
        </Button>
      )}
      {version.status === 'APPROVED' && (
        <Button tone="danger" onClick={() => setTo('DEPRECATED')}>
          Deprecate…
        </Button>
      )}
      {to && (
        <Dialog
          title={
            to === 'APPROVED'
              ? `Approve ${version.version.slice(0, 60)}?`
              : `Deprecate ${version.version.slice(0, 60)}?`
          }
          open
          onClose={close}
        >
          <div className={ui.stack}>
            <p>
              {to === 'APPROVED'
                ? 'Everything in its spec is checked. Once approved it can be run, and is never changed again.'
                : 'No new runs of it are made. Those that exist go on.'}
            </p>
            <Field label="Comment" hint="Stands in its history. May be left out.">
              {(ids) => (
                <TextArea
                  {...ids}
                  rows={3}
                  maxLength={2000}
                  value={comment}
                  onChange={(event) => setComment(event.target.value)}
                />
              )}
            </Field>
            {change.error && <Failure error={change.error} />}
          </div>
          <DialogActions onCancel={close}>
            <Button
              tone={to === 'APPROVED' ? 'primary' : 'dangerStrong'}
              disabled={change.isPending}
              onClick={() => change.mutate(to)}
            >
              {to === 'APPROVED' ? 'Approve' : 'Deprecate'}
            </Button>
          </DialogActions>
        </Dialog>
      )}
    </>
  );
}
