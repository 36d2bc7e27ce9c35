import { Link } from '@tanstack/react-router';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import {
  type KeyboardEvent,
  memo,
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react';
import type { Run } from '@/api/types';
import { Status } from '@/components/status';
import { Duration, Time } from '@/components/time';
import { cx, Text } from '@/components/ui';
import { shortId } from '@/lib/text';
import css from './runs.module.css';

const narrow = globalThis.matchMedia?.('(max-width: 640px)');

function useRowHeight(): number {
  const small = useSyncExternalStore(
    (listener) => {
      narrow?.addEventListener('change', listener);
      return () => narrow?.removeEventListener('change', listener);
    },
    () => narrow?.matches ?? false,
  );
  return small ? 68 : 44;
}

interface Props {
  rows: readonly Run[];
  names: Map<string, string>;
  hasMore: boolean;
  onEnd: () => void;
  onLook: (index: number) => void;
}

/** Thousands of rows, of which those in sight are drawn. */
export function RunList({ rows, names, hasMore, onEnd, onLook }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const height = useRowHeight();
  useLayoutEffect(() => setTop(list.current ? list.current.getBoundingClientRect().top + window.scrollY : 0), []);

  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => height,
    overscan: 12,
    scrollMargin: top,
    getItemKey: (index) => rows[index]?.id ?? index,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another height is another layout
  useLayoutEffect(() => virtualizer.measure(), [height, virtualizer]);

  const items = virtualizer.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => onLook(Math.round((first + last) / 2)), [first, last, onLook]);
  useEffect(() => {
    if (hasMore && rows.length > 0 && last >= rows.length - 20) onEnd();
  }, [hasMore, last, rows.length, onEnd]);

  useStillness(rows, height);

  const move = useCallback(
    (event: KeyboardEvent) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const from = (event.target as HTMLElement).closest<HTMLElement>('[data-index]')?.dataset.index;
      if (!step || from === undefined) return;
      event.preventDefault();
      const to = Math.min(Math.max(Number(from) + step, 0), virtualizer.options.count - 1);
      virtualizer.scrollToIndex(to);
      requestAnimationFrame(() => list.current?.querySelector<HTMLElement>(`[data-index="${to}"] a`)?.focus());
    },
    [virtualizer],
  );

  return (
    // biome-ignore lint/a11y/useSemanticElements: rows of a table element cannot be placed one by one
    <div
      className={css.list}
      role="table"
      aria-label="Runs"
      aria-rowcount={hasMore ? -1 : rows.length + 1}
      onKeyDown={move}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: a row is not focusable, its link is */}
      <div className={css.head} role="row" aria-rowindex={1}>
        {HEADINGS.map(([name, className]) => (
          // biome-ignore lint/a11y/useSemanticElements: as above
          // biome-ignore lint/a11y/useFocusableInteractive: there is nothing to do on a heading
          <span key={name} role="columnheader" className={className}>
            {name}
          </span>
        ))}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: as above */}
      <div className={css.rows} role="rowgroup" ref={list} style={{ height: virtualizer.getTotalSize() }}>
        {items.map((item) => {
          const run = rows[item.index];
          if (!run) return null;
          return (
            <Line
              key={item.key}
              run={run}
              index={item.index}
              offset={item.start - virtualizer.options.scrollMargin}
              name={names.get(run.pipeline_id)}
            />
          );
        })}
      </div>
    </div>
  );
}

const HEADINGS: [string, string | undefined][] = [
  ['Status', undefined],
  ['Run', undefined],
  ['Pipeline', undefined],
  ['Queue', css.wide],
  ['Attempt', cx(css.wide, css.num)],
  ['Created', undefined],
  ['Waited', cx(css.wide, css.num)],
  ['Took', css.num],
];

interface LineProps {
  run: Run;
  index: number;
  offset: number;
  name: string | undefined;
}

const Line = memo(function Line({ run, index, offset, name }: LineProps) {
  const labels = Object.entries(run.labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
  return (
    // biome-ignore lint/a11y/useSemanticElements: as above
    // biome-ignore lint/a11y/useFocusableInteractive: its link is
    <div
      className={css.line}
      role="row"
      aria-rowindex={index + 2}
      data-index={index}
      style={{ transform: `translateY(${offset}px)` }}
    >
      <Cell name="status">
        <Status status={run.status} />
      </Cell>
      <Cell name="id" className={css.id}>
        <Link
          to="/runs/$runId"
          params={{ runId: run.id }}
          aria-label={`${shortId(run.id)}, run ${run.id}`}
          preload={false}
        >
          {shortId(run.id)}
        </Link>
      </Cell>
      <Cell name="name">
        <Text limit={80}>{name ?? shortId(run.pipeline_id)}</Text>
        {labels && (
          <>
            {' '}
            <small>
              <Text limit={80}>{labels}</Text>
            </small>
          </>
        )}
      </Cell>
      <Cell name="queue" className={css.wide}>
        <Text limit={40}>{run.queue}</Text>
      </Cell>
      <Cell name="attempt" className={cx(css.wide, css.num)}>
        {run.attempt}/{run.max_attempts}
      </Cell>
      <Cell name="time">
        <Time at={run.created_at} />
      </Cell>
      <Cell name="waited" className={cx(css.wide, css.num)}>
        <Duration from={run.created_at} to={run.started_at ?? run.finished_at} />
      </Cell>
      <Cell name="took" className={css.num}>
        {run.status === 'QUEUED' ? '–' : <Duration from={run.started_at} to={run.finished_at} />}
      </Cell>
    </div>
  );
});

function Cell({
  name,
  className,
  children,
}: {
  name: string;
  className?: string | undefined;
  children: React.ReactNode;
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: as above
    <span role="cell" data-cell={name} className={className}>
      {children}
    </span>
  );
}

/** What comes in above does not push away what one looks at. */
function useStillness(rows: readonly Run[], height: number) {
  const before = useRef<string | undefined>(undefined);
  useLayoutEffect(() => {
    const old = before.current;
    before.current = rows[0]?.id;
    if (!old || old === rows[0]?.id || window.scrollY < 240) return;
    const added = rows.slice(0, 200).findIndex((row) => row.id === old);
    if (added > 0) window.scrollBy(0, added * height);
  }, [rows, height]);
}
