import ELK, { type ELK as Elk, type ElkNode } from 'elkjs/lib/elk-api';
// A file of its own, since the policy lets no worker be made from a blob.
import workerUrl from 'elkjs/lib/elk-worker.min.js?url';
import type { SpecStep } from '@/lib/spec';
import { type Layout, toElk, toLayout } from './elk-graph';

let elk: Elk | null = null;

/** Where steps stand. Worked out in a worker, so that a large graph does not hold up the page. */
export async function layout(steps: readonly SpecStep[], direction: 'RIGHT' | 'DOWN'): Promise<Layout> {
  elk ??= new ELK({ workerFactory: () => new Worker(workerUrl) });
  return toLayout((await elk.layout(toElk(steps, direction))) as ElkNode);
}
