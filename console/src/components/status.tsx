/** Statuses by shape and word; colour only helps. */
import type { ReactNode } from 'react';
import css from './status.module.css';
import { cx } from './ui';

type Tone = 'ok' | 'bad' | 'run' | 'warn' | 'idle';

const stroke = { fill: 'none', stroke: 'currentColor', strokeWidth: 2, strokeLinecap: 'round' } as const;
const ring = <circle cx="8" cy="8" r="6" {...stroke} />;

const SHAPES: Record<string, [Tone, string, ReactNode]> = {
  QUEUED: [
    'idle',
    'Queued',
    <g key="q">
      {ring}
      <path d="M8 5v3l2 2" {...stroke} />
    </g>,
  ],
  PENDING: ['idle', 'Pending', <circle key="p" cx="8" cy="8" r="6" {...stroke} strokeDasharray="2 3.2" />],
  RUNNING: ['run', 'Running', <path key="r" className={css.turning} d="M8 2a6 6 0 1 1-6 6" {...stroke} />],
  SUCCEEDED: [
    'ok',
    'Succeeded',
    <g key="s">
      {ring}
      <path d="m5.4 8.2 1.9 1.9 3.4-4" {...stroke} />
    </g>,
  ],
  FAILED: [
    'bad',
    'Failed',
    <g key="f">
      <path d="M5.3 2h5.4L14 5.3v5.4L10.7 14H5.3L2 10.7V5.3z" {...stroke} />
      <path d="m6 6 4 4m0-4-4 4" {...stroke} />
    </g>,
  ],
  CANCELLED: [
    'warn',
    'Cancelled',
    <g key="c">
      {ring}
      <path d="m4 12 8-8" {...stroke} />
    </g>,
  ],
  SKIPPED: ['idle', 'Skipped', <path key="k" d="m3 4 4 4-4 4m6-8 4 4-4 4" {...stroke} />],
  LOST: ['warn', 'Lost', <path key="l" d="M8 2 14.5 13.5h-13zM8 7v3m0 1.6v.1" {...stroke} />],
  DRAFT: ['warn', 'Draft', <path key="d" d="m3 13 .8-3.2L10.6 3 13 5.400l-6.800 6.800z" {...stroke} />],
  APPROVED: [
    'ok',
    'Approved',
    <path
      key="a"
      d="M8 1.800 13.500 4v4c0 3-2.300 5.200-5.500 6.300C4.800 13.200 2.500 11 2.500 8V4zM5.600 7.800l1.700 1.700 3-3.400"
      {...stroke}
    />,
  ],
  DEPRECATED: ['idle', 'Deprecated', <path key="x" d="M2.500 4.500h11v9h-11zM2 2.500h12M6 8h4" {...stroke} />],
  PAUSED: ['warn', 'Paused', <path key="z" d="M5.500 3v10m5-10v10" {...stroke} />],
  ALIVE: ['ok', 'Alive', <circle key="v" cx="8" cy="8" r="5" fill="currentColor" />],
  SILENT: ['idle', 'Silent', <circle key="i" cx="8" cy="8" r="5" {...stroke} />],
};

const UNKNOWN: [Tone, string, ReactNode] = [
  'idle',
  'Unknown',
  <circle key="u" cx="8" cy="8" r="2" fill="currentColor" />,
];

const shape = (status: string) => SHAPES[status] ?? UNKNOWN;

export const statusWord = (status: string) => SHAPES[status]?.[1] ?? status;
export const statusTone = (status: string) => shape(status)[0];

export function StatusIcon({ status }: { status: string }) {
  return (
    <svg className={css.icon} viewBox="0 0 16 16" aria-hidden="true">
      {shape(status)[2]}
    </svg>
  );
}

export function Status({ status, bare, word }: { status: string; bare?: boolean; word?: string }) {
  const tone = statusTone(status);
  return (
    <span className={cx(css.status, tone !== 'idle' && css[tone], bare && css.bare)} data-status={status}>
      <StatusIcon status={status} />
      {word ?? statusWord(status)}
    </span>
  );
}
