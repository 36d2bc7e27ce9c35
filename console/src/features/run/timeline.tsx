import { useMemo } from 'react';
import type { RunDetails } from '@/api/types';
import { useNow } from '@/components/time';
import { cx, Text } from '@/components/ui';
import ui from '@/components/ui.module.css';
import { inFlight } from '@/features/runs/use-runs';
import { formatDuration } from '@/lib/time';
import { type Lane, marks, type Span, timelineOf } from '@/lib/timeline';
import css from './timeline.module.css';

/** Where the time went: waiting, attempts and steps, one above the other. */
export function TimelineTab({ details, onSelect }: { details: RunDetails; onSelect: (id: string) => void }) {
  const now = useNow(inFlight(details.run));
  const timeline = useMemo(() => timelineOf(details, now), [details, now]);
  const range = timeline.to - timeline.from;
  const place = (at: number) => `${(100 * (at - timeline.from)) / range}%`;
  const width = (ms: number) => `${(100 * ms) / range}%`;
  const { waiting, working, wasted } = timeline.totals;
  return (
    <div>
      <div className={css.totals}>
        <span>
          Waiting <strong>{formatDuration(waiting)}</strong>
        </span>
        <span>
          Working <strong>{formatDuration(working)}</strong>
        </span>
        {wasted > 0 && (
          <span>
            In attempts that came to nothing <strong>{formatDuration(wasted)}</strong>
          </span>
        )}
        <span className={ui.soft}>
          Altogether{' '}
          {formatDuration((details.run.finished_at ? Date.parse(details.run.finished_at) : now) - timeline.from)}
        </span>
      </div>
      <div className={css.chart}>
        <div className={css.axis} aria-hidden="true">
          <span className={css.name} />
          <span className={css.track}>
            {marks(range).map((mark) => (
              <span key={mark} className={css.mark} style={{ left: width(mark) }}>
                {mark === 0 ? '0' : formatDuration(mark)}
              </span>
            ))}
          </span>
        </div>
        {timeline.lanes.map((lane) => (
          <div key={`${lane.of} ${lane.id}`} className={css.lane}>
            <span className={css.name}>
              <LaneName lane={lane} onSelect={onSelect} />
            </span>
            <span className={css.track}>
              {lane.spans.map((span) => (
                <Bar
                  key={`${span.from} ${span.kind}`}
                  span={span}
                  left={place(span.from)}
                  width={width(span.to - span.from)}
                />
              ))}
            </span>
          </div>
        ))}
      </div>
    </div>
  );
}

function LaneName({ lane, onSelect }: { lane: Lane; onSelect: (id: string) => void }) {
  if (lane.of === 'run') return <strong>{lane.label}</strong>;
  return (
    <button type="button" onClick={() => onSelect(lane.id)}>
      <Text limit={80}>{lane.label}</Text>
    </button>
  );
}

function Bar({ span, left, width }: { span: Span; left: string; width: string }) {
  const words = `${span.label}: ${formatDuration(span.to - span.from)}${span.open ? ' so far' : ''}`;
  return (
    <span className={cx(css.bar, css[span.kind], span.open && css.open)} style={{ left, width }} title={words}>
      {words}
    </span>
  );
}
