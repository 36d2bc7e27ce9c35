import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, useMemo, useRef, useState } from 'react';
import type { LogEntry, LogLevel, Run } from '@/api/types';
import { Failure } from '@/components/failure';
import { Json } from '@/components/json';
import { Time } from '@/components/time';
import { Button, cx, Empty, Input, Loading, LongText, Select, Text } from '@/components/ui';
import ui from '@/components/ui.module.css';
import { inFlight } from '@/features/runs/use-runs';
import { filterLines, LEVELS } from '@/lib/logs';
import { plural } from '@/lib/text';
import css from './logs.module.css';
import { MOST_LINES, useLogs } from './use-run';

export function LogsTab({ run }: { run: Run }) {
  const query = useLogs(run);
  const [level, setLevel] = useState<LogLevel>('debug');
  const [text, setText] = useState('');
  const all = query.data?.lines;
  const lines = useMemo(() => filterLines(all ?? [], { level, text }), [all, level, text]);
  const live = inFlight(run);
  return (
    <div>
      <div className={css.bar}>
        <Input
          type="search"
          aria-label="Search in the lines"
          placeholder="Search"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <Select aria-label="Level" value={level} onChange={(event) => setLevel(event.target.value as LogLevel)}>
          {LEVELS.map((one) => (
            <option key={one} value={one}>
              {one === 'debug' ? 'All levels' : `${one} and worse`}
            </option>
          ))}
        </Select>
        <span className={ui.hint} aria-live="polite">
          {all &&
            `${plural(lines.length, 'line')}${lines.length < all.length ? ` of ${all.length.toLocaleString('en-GB')}` : ''}`}
          {query.data && !query.data.caughtUp && ', loading…'}
        </span>
      </div>
      {query.error && <Failure error={query.error} onRetry={() => void query.refetch()} />}
      {query.isPending && <Loading what="the log" />}
      {all && all.length >= MOST_LINES && (
        <p className={ui.hint}>More than this the command line shows: runplane runs logs.</p>
      )}
      {all && lines.length === 0 && (
        <Empty
          title={all.length > 0 ? 'No line is like that' : live ? 'There are no lines yet' : 'This run has no lines'}
        />
      )}
      {lines.length > 0 && <Lines lines={lines} live={live} />}
    </div>
  );
}

function Lines({ lines, live }: { lines: readonly LogEntry[]; live: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(live);
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => box.current,
    estimateSize: () => 23,
    overscan: 20,
    getItemKey: (index) => lines[index]?.id ?? index,
  });

  useEffect(() => {
    if (following && lines.length > 0) virtualizer.scrollToIndex(lines.length - 1, { align: 'end' });
  }, [following, lines.length, virtualizer]);

  const onScroll = () => {
    const { scrollTop = 0, clientHeight = 0, scrollHeight = 0 } = box.current ?? {};
    const atEnd = scrollHeight - scrollTop - clientHeight < 60;
    // Whoever scrolls up wants to read; whoever scrolls to the end wants to follow.
    if (!atEnd && following && !virtualizer.isScrolling) return;
    setFollowing(atEnd && live);
  };
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and has to with the keyboard too */}
      <div className={css.box} ref={box} onScroll={onScroll} role="log" aria-live="off" aria-label="Log" tabIndex={0}>
        <div className={css.rows} style={{ height: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map((item) => {
            const line = lines[item.index];
            if (!line) return null;
            return (
              <div
                key={item.key}
                data-index={item.index}
                ref={virtualizer.measureElement}
                className={cx(
                  css.line,
                  (line.level === 'error' || line.level === 'critical') && css.error,
                  line.level === 'warning' && css.warning,
                )}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <Line line={line} />
              </div>
            );
          })}
        </div>
      </div>
      {live && !following && (
        <Button tiny onClick={() => setFollowing(true)}>
          Follow
        </Button>
      )}
    </>
  );
}

const Line = memo(function Line({ line }: { line: LogEntry }) {
  return (
    <>
      <Time at={line.created_at} millis />
      <span className={css.level}>{line.level}</span>
      <span>
        <Text limit={60}>{line.source}</Text>
      </span>
      <div className={css.message}>
        <LongText limit={1500}>{line.message}</LongText>
        {line.meta !== null && line.meta !== undefined && (
          <details className={css.meta}>
            <summary>meta</summary>
            <Json value={line.meta} what="meta" />
          </details>
        )}
      </div>
    </>
  );
});
