import { queryOptions, useQuery } from '@tanstack/react-query';
import { api, unwrap } from '@/api/client';
import type { LogEntry, Run, RunDetails, StepRecord } from '@/api/types';
import { queryClient } from '@/app/queries';
import { inFlight } from '@/features/runs/use-runs';
import { mergeLines, nextAfter } from '@/lib/logs';

const LIVE_MS = 1500;
/** A run that has ended may have its last lines a moment later. */
const AFTERMATH_MS = 10_000;

export const runQuery = (id: string) =>
  queryOptions({
    queryKey: ['run', id],
    queryFn: ({ signal }) => unwrap(api.GET('/api/runs/{run_id}', { params: { path: { run_id: id } }, signal })),
    refetchInterval: ({ state }) => (state.data && inFlight(state.data.run) ? LIVE_MS : false),
  });

/** What steps have given, in full: asked for when it is looked at, and again when a step has changed. */
export function useStepRecords(details: RunDetails, wanted: boolean) {
  const id = details.run.id;
  const changed = details.steps.map((step) => `${step.status}${step.attempts}`).join();
  return useQuery({
    queryKey: ['steps', id, changed],
    enabled: wanted,
    queryFn: async ({ signal }) => {
      const records: StepRecord[] = [];
      let cursor: string | undefined;
      do {
        const query = { limit: 1000, ...(cursor ? { cursor } : {}) };
        const page = await unwrap(
          api.GET('/api/runs/{run_id}/steps', { params: { path: { run_id: id }, query }, signal }),
        );
        records.push(...page.items);
        cursor = page.next_cursor ?? undefined;
      } while (cursor && records.length < 20_000);
      return records;
    },
    placeholderData: (old) => old,
  });
}

export function useArtifacts(run: Run) {
  return useQuery({
    queryKey: ['artifacts', run.id],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/api/runs/{run_id}/artifacts', {
          params: { path: { run_id: run.id }, query: { limit: 100 } },
          signal,
        }),
      ),
    refetchInterval: inFlight(run) ? 2 * LIVE_MS : false,
  });
}

export interface Log {
  lines: readonly LogEntry[];
  /** The page to go on with, while not all of what is stored has been loaded. */
  cursor: string | null;
  /** Everything that was stored has been loaded once: from now on what is new is asked for. */
  caughtUp: boolean;
}

const NO_LOG: Log = { lines: [], cursor: null, caughtUp: false };

/** How many lines a page may hold without becoming slow; the command line shows more. */
export const MOST_LINES = 100_000;

/** The lines of a run, oldest first, and those that come in. */
export function useLogs(run: Run) {
  const key = ['logs', run.id];
  const live = () => inFlight(run) || Date.now() - Date.parse(run.finished_at ?? run.updated_at) < AFTERMATH_MS;
  return useQuery({
    queryKey: key,
    queryFn: async ({ signal }): Promise<Log> => {
      const log = queryClient.getQueryData<Log>(key) ?? NO_LOG;
      if (log.lines.length >= MOST_LINES) return log;
      const ask = async (more: { cursor?: string; after?: string }) => {
        const params = { path: { run_id: run.id }, query: { limit: 1000, ...more } };
        return await unwrap(api.GET('/api/runs/{run_id}/logs', { params, signal }));
      };
      if (!log.caughtUp) {
        const page = await ask(log.cursor ? { cursor: log.cursor } : {});
        const cursor = page.next_cursor ?? null;
        return { lines: mergeLines(log.lines, page.items), cursor, caughtUp: !cursor };
      }
      const after = nextAfter(log.lines);
      let page = await ask(after ? { after } : {});
      let lines = mergeLines(log.lines, page.items);
      // To the end: more than a page may have come within the overlap, and asking anew would not get beyond it.
      while (page.next_cursor && lines.length < MOST_LINES) {
        page = await ask({ cursor: page.next_cursor, ...(after ? { after } : {}) });
        lines = mergeLines(lines, page.items);
      }
      return { lines, cursor: null, caughtUp: true };
    },
    refetchInterval: ({ state }) => {
      if (!state.data || state.data.lines.length >= MOST_LINES) return false;
      if (!state.data.caughtUp) return 20;
      return live() ? LIVE_MS : false;
    },
    structuralSharing: false,
    gcTime: 30_000,
  });
}

/** The run and those that it repeats, up to the first. */
export function useLineage(run: Run) {
  return useQuery({
    queryKey: ['lineage', run.id],
    enabled: run.retry_of_run_id !== null,
    queryFn: async () => {
      const runs: Run[] = [run];
      let next = run.retry_of_run_id;
      while (next && runs.length < 50) {
        const { run: before } = await queryClient.fetchQuery({ ...runQuery(next), staleTime: 60_000 });
        runs.push(before);
        next = before.retry_of_run_id;
      }
      return runs;
    },
    staleTime: 60_000,
  });
}
