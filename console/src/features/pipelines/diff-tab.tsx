import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useMemo } from 'react';
import { api, unwrap } from '@/api/client';
import type { VersionInFull } from '@/api/types';
import { versionQuery } from '@/app/queries';
import { Failure } from '@/components/failure';
import { Empty, Field, Loading, Select, Text } from '@/components/ui';
import ui from '@/components/ui.module.css';
import { type DiffLine, diffFields, diffSteps, diffText } from '@/lib/diff';
import { visible } from '@/lib/text';
import css from './pipelines.module.css';

const route = getRouteApi('/versions/$versionId');

/** What differs from another version of the pipeline. */
export function DiffTab({ version }: { version: VersionInFull }) {
  const { with: other } = route.useSearch();
  const navigate = route.useNavigate();
  const versions = useQuery({
    queryKey: ['versions-to-compare', version.pipeline_id],
    queryFn: () =>
      unwrap(
        api.GET('/api/pipeline-versions', { params: { query: { pipeline_id: version.pipeline_id, limit: 100 } } }),
      ),
  });
  const others = versions.data?.items.filter((one) => one.id !== version.id) ?? [];
  const older = others.find((one) => one.created_at < version.created_at);
  const chosen = other ?? older?.id ?? others[0]?.id;
  const before = useQuery({ ...versionQuery(chosen ?? ''), enabled: chosen !== undefined });
  if (versions.error) return <Failure error={versions.error} onRetry={() => void versions.refetch()} />;
  if (versions.isPending) return <Loading what="versions" />;
  if (others.length === 0) return <Empty title="There is no other version to compare with" />;
  return (
    <div className={ui.stack}>
      <Field label="Compare with">
        {(ids) => (
          <Select
            {...ids}
            value={chosen ?? ''}
            onChange={(event) =>
              void navigate({ search: (old) => ({ ...old, with: event.target.value }), replace: true })
            }
          >
            {others.map((one) => (
              <option key={one.id} value={one.id}>
                {one.version.slice(0, 50)} ({one.status.toLowerCase()})
              </option>
            ))}
          </Select>
        )}
      </Field>
      {before.error && <Failure error={before.error} onRetry={() => void before.refetch()} />}
      {before.data ? (
        <Diff before={before.data.dag_spec} after={version.dag_spec} />
      ) : (
        <Loading what="the other version" />
      )}
    </div>
  );
}

function Diff({ before, after }: { before: unknown; after: unknown }) {
  const steps = useMemo(() => diffSteps(before, after), [before, after]);
  const fields = useMemo(() => diffFields(before, after), [before, after]);
  const lines = useMemo(() => folded(diffText(before, after)), [before, after]);
  if (lines.every((line) => line.kind === 'same' || line.kind === 'gap')) return <Empty title="They do the same" />;
  const words = { added: 'is new', removed: 'is gone', changed: 'has changed' };
  return (
    <>
      <ul className={ui.stack}>
        {fields.map((field) => (
          <li key={field} className={ui.row}>
            <code>{field}</code> of the spec has changed
          </li>
        ))}
        {steps.map((change) => (
          <li key={`${change.kind} ${change.id}`} className={ui.row}>
            <strong>
              <Text limit={80}>{change.id}</Text>
            </strong>{' '}
            {words[change.kind]}
            {change.fields.length > 0 && <span className={ui.hint}>({change.fields.join(', ')})</span>}
          </li>
        ))}
      </ul>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and has to with the keyboard too */}
      <section className={css.diff} aria-label="Line by line" tabIndex={0}>
        {lines.map((line, index) => {
          if (line.kind === 'gap') {
            return (
              // biome-ignore lint/suspicious/noArrayIndexKey: lines are made anew with every change
              <p key={index} className={css.gap}>
                {line.text}
              </p>
            );
          }
          const sign = { same: ' ', added: '+', removed: '−' }[line.kind];
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: as above
            <div key={index} className={line.kind === 'same' ? undefined : css[line.kind]}>
              <span>{sign}</span>
              <bdi>{visible(line.text.slice(0, 5000))}</bdi>
            </div>
          );
        })}
      </section>
    </>
  );
}

const AROUND = 3;

type Folded = DiffLine | { kind: 'gap'; text: string };

// Long stretches that are the same are told by their length.
function folded(lines: DiffLine[]): Folded[] {
  const near = (index: number) =>
    lines.slice(Math.max(0, index - AROUND), index + AROUND + 1).some((line) => line.kind !== 'same');
  const found: Folded[] = [];
  let hidden = 0;
  const close = () => {
    if (hidden > 0)
      found.push({ kind: 'gap', text: hidden === 1 ? '1 line is the same' : `${hidden} lines are the same` });
    hidden = 0;
  };
  lines.forEach((line, index) => {
    if (near(index)) {
      close();
      found.push(line);
    } else hidden++;
  });
  close();
  return found;
}
