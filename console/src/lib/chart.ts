/** Bars of what ended, one above the other, and a line of what was created: in a box of 100 by 100. */

export interface Bucket {
  created: number;
  succeeded: number;
  failed: number;
  cancelled: number;
}

export type Part = 'succeeded' | 'failed' | 'cancelled';

export interface Chart {
  most: number;
  bars: { index: number; part: Part; x: number; y: number; width: number; height: number }[];
  /** Points of an SVG polyline. */
  line: string;
}

const PARTS: Part[] = ['succeeded', 'failed', 'cancelled'];

export function chartOf(buckets: readonly Bucket[]): Chart {
  const ended = (bucket: Bucket) => PARTS.reduce((sum, part) => sum + bucket[part], 0);
  const most = buckets.reduce((max, bucket) => Math.max(max, ended(bucket), bucket.created), 0);
  const scale = most === 0 ? 0 : 100 / most;
  const width = 100 / Math.max(1, buckets.length);
  const bars = buckets.flatMap((bucket, index) => {
    let y = 100;
    return PARTS.flatMap((part) => {
      const height = bucket[part] * scale;
      y -= height;
      return height > 0 ? [{ index, part, x: (index + 0.1) * width, y, width: width * 0.8, height }] : [];
    });
  });
  const round = (n: number) => Math.round(n * 100) / 100;
  const line = buckets
    .map((bucket, i) => `${round((i + 0.5) * width)},${round(100 - bucket.created * scale)}`)
    .join(' ');
  return { most, bars, line };
}

/** The share of what failed among what ended by itself; null where nothing has. */
export function failureRate(of: Pick<Bucket, 'succeeded' | 'failed'>): number | null {
  const ended = of.succeeded + of.failed;
  return ended === 0 ? null : of.failed / ended;
}

export function percent(rate: number | null): string {
  if (rate === null) return '–';
  if (rate > 0 && rate < 0.001) return '< 0.1 %';
  return `${(rate * 100).toFixed(rate === 0 || rate === 1 ? 0 : 1)} %`;
}
