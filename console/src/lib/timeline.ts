/** Where the time of a run went: what the Gantt chart draws. All times in ms since 1970. */
import type { RunDetails, Step } from '@/api/types';

export type SpanKind = 'waiting' | 'working' | 'succeeded' | 'failed' | 'lost' | 'cancelled' | 'resting';

export interface Span {
  kind: SpanKind;
  from: number;
  to: number;
  /** It has no end yet: `to` is now. */
  open: boolean;
  label: string;
}

export interface Lane {
  id: string;
  /** The run as a whole comes first, then its steps in order of their begin. */
  of: 'run' | 'step';
  label: string;
  spans: Span[];
}

export interface Timeline {
  from: number;
  to: number;
  lanes: Lane[];
  /** How long the run waited, worked in attempts that counted, and worked in vain. */
  totals: { waiting: number; working: number; wasted: number };
}

const ms = (iso: string) => Date.parse(iso);

/** The run's own lane: waiting and attempts, one after the other. */
function runLane({ run, attempts }: RunDetails, now: number): Lane {
  const spans: Span[] = [];
  let free = ms(run.created_at);
  const wait = (to: number, open: boolean, label: string) => {
    if (to > free) spans.push({ kind: 'waiting', from: free, to, open, label });
  };
  for (const attempt of attempts) {
    const from = ms(attempt.claimed_at);
    const to = ms(attempt.ended_at);
    wait(from, false, spans.length === 0 ? 'waited' : 'waited for another claim');
    const lost = attempt.outcome === 'LOST';
    spans.push({
      kind: lost ? 'lost' : 'failed',
      from,
      to,
      open: false,
      label: lost ? `attempt ${attempt.attempt} was lost` : `attempt ${attempt.attempt} failed`,
    });
    free = to;
  }
  const claimed = run.claimed_at ? ms(run.claimed_at) : null;
  const ended = run.finished_at ? ms(run.finished_at) : null;
  const last = attempts.at(-1);
  const current = claimed !== null && (!last || claimed > ms(last.claimed_at)) && run.status !== 'QUEUED';
  if (current) {
    wait(claimed, false, spans.length === 0 ? 'waited' : 'waited for another claim');
    const kind = run.status === 'RUNNING' ? 'working' : (run.status.toLowerCase() as SpanKind);
    const words = {
      RUNNING: 'under way',
      SUCCEEDED: 'succeeded',
      FAILED: 'failed',
      CANCELLED: 'cancelled',
      QUEUED: '',
    };
    const label = `attempt ${run.attempt} ${words[run.status]}`;
    spans.push({ kind, from: claimed, to: Math.max(ended ?? now, claimed), open: ended === null, label });
  } else {
    wait(ended ?? now, ended === null, ended === null ? 'waits' : 'waited until it ended');
  }
  return { id: 'run', of: 'run', label: 'Run', spans };
}

function stepLane(step: Step, end: number, now: number): Lane | null {
  if (!step.started_at) return null;
  const from = ms(step.started_at);
  const open = !step.finished_at && (step.status === 'RUNNING' || step.status === 'PENDING');
  const to = Math.max(step.finished_at ? ms(step.finished_at) : open ? now : end, from);
  const kinds: Record<Step['status'], SpanKind> = {
    PENDING: 'resting',
    RUNNING: step.resume_at ? 'resting' : 'working',
    SUCCEEDED: 'succeeded',
    FAILED: 'failed',
    SKIPPED: 'cancelled',
    CANCELLED: 'cancelled',
  };
  const tries = step.attempts > 1 ? `, ${step.attempts} attempts` : '';
  const label = `${step.status.toLowerCase()}${tries}`;
  return {
    id: step.step_id,
    of: 'step',
    label: step.step_id,
    spans: [{ kind: kinds[step.status], from, to, open, label }],
  };
}

export function timelineOf(details: RunDetails, now: number): Timeline {
  const { run } = details;
  const from = ms(run.created_at);
  const end = run.finished_at ? ms(run.finished_at) : now;
  const own = runLane(details, now);
  const steps = details.steps
    .map((step) => stepLane(step, end, now))
    .filter((lane) => lane !== null)
    .sort((a, b) => (a.spans[0]?.from ?? 0) - (b.spans[0]?.from ?? 0));

  // Results that a retry has kept are older than the run: they cost it nothing, and would press the rest together.
  const lanes = [own, ...steps.filter((lane) => lane.spans.every((span) => span.to >= from))];
  const last = lanes.flatMap((lane) => lane.spans).reduce((max, span) => Math.max(max, span.to), end);
  const sum = (kinds: SpanKind[]) =>
    own.spans.filter((span) => kinds.includes(span.kind)).reduce((total, span) => total + span.to - span.from, 0);
  const lastWork = own.spans.at(-1);
  const failedAtLast = lastWork?.kind === 'failed' && run.status === 'FAILED' ? lastWork.to - lastWork.from : 0;
  return {
    from,
    to: Math.max(last, from + 1),
    lanes,
    totals: {
      waiting: sum(['waiting']),
      working: sum(['working', 'succeeded', 'cancelled']) + failedAtLast,
      wasted: sum(['failed', 'lost']) - failedAtLast,
    },
  };
}

/** Three to seven round marks for a range of `ms`, as distances from its begin. */
export function marks(range: number): number[] {
  const steps = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5,
  ];
  const step = steps.find((s) => range / s <= 7) ?? 36e5 * Math.ceil(range / 36e5 / 7);
  return Array.from({ length: Math.floor(range / step) + 1 }, (_, i) => i * step);
}
