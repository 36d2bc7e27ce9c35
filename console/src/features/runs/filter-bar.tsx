import { useQuery } from '@tanstack/react-query';
import { type KeyboardEvent, useState } from 'react';
import type { RunStatus } from '@/api/types';
import { pipelinesQuery } from '@/app/queries';
import { StatusIcon, statusWord } from '@/components/status';
import { Button, Field, Input, Select } from '@/components/ui';
import { countFilters, RUN_STATUSES, type RunFilters } from '@/lib/filters';
import css from './runs.module.css';

interface Props {
  filters: RunFilters;
  tenantId: string | undefined;
  onChange: (change: Partial<RunFilters>) => void;
  onClear: () => void;
}

export function FilterBar({ filters, tenantId, onChange, onClear }: Props) {
  const { data: pipelines } = useQuery(pipelinesQuery(tenantId));
  const chosen = filters.status ?? [];
  const toggle = (status: RunStatus) => {
    const next = chosen.includes(status) ? chosen.filter((s) => s !== status) : [...chosen, status];
    onChange({ status: next.length > 0 ? RUN_STATUSES.filter((s) => next.includes(s)) : undefined });
  };
  const named = pipelines?.items.some((pipeline) => pipeline.id === filters.pipeline);
  return (
    <div className={css.filters}>
      <div className={css.bar}>
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be a row of buttons everywhere */}
        <div className={css.statuses} role="group" aria-label="Status">
          {RUN_STATUSES.map((status) => (
            <button key={status} type="button" aria-pressed={chosen.includes(status)} onClick={() => toggle(status)}>
              <StatusIcon status={status} />
              {statusWord(status)}
            </button>
          ))}
        </div>
        <Select
          aria-label="Pipeline"
          value={filters.pipeline ?? ''}
          onChange={(event) => onChange({ pipeline: event.target.value || undefined })}
        >
          <option value="">All pipelines</option>
          {filters.pipeline && !named && <option value={filters.pipeline}>{filters.pipeline}</option>}
          {pipelines?.items.map((pipeline) => (
            <option key={pipeline.id} value={pipeline.id}>
              {pipeline.name.slice(0, 60)}
            </option>
          ))}
        </Select>
        {countFilters(filters) > 0 && (
          <Button tone="quiet" onClick={onClear}>
            Clear filters
          </Button>
        )}
      </div>
      <details className={css.more} open={Boolean(filters.queue || filters.labels || filters.after || filters.before)}>
        <summary>Queue, labels, times</summary>
        <div className={css.grid}>
          <Written label="Queue" value={filters.queue} onChange={(queue) => onChange({ queue })} />
          <Written
            label="Labels"
            hint="key=value, several with commas between"
            value={filters.labels}
            onChange={(labels) => onChange({ labels })}
          />
          <Moment label="Created after" value={filters.after} onChange={(after) => onChange({ after })} />
          <Moment label="Created before" value={filters.before} onChange={(before) => onChange({ before })} />
          <Written label="Version, by id" value={filters.version} onChange={(version) => onChange({ version })} />
        </div>
      </details>
    </div>
  );
}

interface WrittenProps {
  label: string;
  hint?: string;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}

/** Asked when it is left or with Enter, not with every letter. */
function Written({ label, hint, value, onChange }: WrittenProps) {
  const [text, setText] = useState<string | null>(null);
  const commit = () => {
    if (text !== null && text.trim() !== (value ?? '')) onChange(text.trim() || undefined);
    setText(null);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter') commit();
  };
  return (
    <Field label={label} hint={hint}>
      {(ids) => (
        <Input
          {...ids}
          value={text ?? value ?? ''}
          onChange={(event) => setText(event.target.value)}
          onBlur={commit}
          onKeyDown={onKeyDown}
        />
      )}
    </Field>
  );
}

/** A time as its reader's clock has it, kept in UTC. */
function Moment({ label, value, onChange }: WrittenProps) {
  const pad = (n: number) => String(n).padStart(2, '0');
  const at = value ? new Date(value) : null;
  const day = at ? `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}` : '';
  const local = at ? `${day}T${pad(at.getHours())}:${pad(at.getMinutes())}` : '';
  return (
    <Field label={label}>
      {(ids) => (
        <Input
          {...ids}
          type="datetime-local"
          value={local}
          onChange={(event) => onChange(event.target.value ? new Date(event.target.value).toISOString() : undefined)}
        />
      )}
    </Field>
  );
}
