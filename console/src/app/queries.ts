import { keepPreviousData, QueryClient, queryOptions, useQuery } from '@tanstack/react-query';
import { answers, api, unwrap } from '@/api/client';
import { mayHelpToRetry } from '@/api/problem';
import { getSession, subscribe } from '@/api/session';

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // Offline, a question fails and says so; it is not put off without a word.
      networkMode: 'always',
      retry: (failures, error) => failures < 2 && mayHelpToRetry(error),
      staleTime: 2000,
      refetchIntervalInBackground: false,
    },
    mutations: { networkMode: 'always', retry: false },
  },
});

// What one reader has seen is not there for the next.
subscribe(() => {
  if (getSession().state === 'out') {
    queryClient.clear();
    answers.clear();
  }
});

const MINUTE = 60_000;

export const tenantsQuery = queryOptions({
  queryKey: ['tenants'],
  queryFn: () => unwrap(api.GET('/api/tenants', { params: { query: { limit: 100 } } })),
  staleTime: MINUTE,
});

/** The pipelines of the tenant, or of all: the first hundred of them, newest first. */
export const pipelinesQuery = (tenantId: string | undefined) =>
  queryOptions({
    queryKey: ['pipelines', tenantId],
    queryFn: () => unwrap(api.GET('/api/pipelines', { params: { query: { tenant_id: tenantId, limit: 100 } } })),
    staleTime: 10_000,
    placeholderData: keepPreviousData,
  });

export const pipelineQuery = (id: string) =>
  queryOptions({
    queryKey: ['pipeline', id],
    queryFn: () => unwrap(api.GET('/api/pipelines/{pipeline_id}', { params: { path: { pipeline_id: id } } })),
    staleTime: 10_000,
  });

export const versionQuery = (id: string) =>
  queryOptions({
    queryKey: ['version', id],
    queryFn: () =>
      unwrap(
        api.GET('/api/pipeline-versions/{pipeline_version_id}', { params: { path: { pipeline_version_id: id } } }),
      ),
    staleTime: 10_000,
  });

/** Names of pipelines by their ids, as far as they are known. */
export function usePipelineNames(tenantId: string | undefined): Map<string, string> {
  const { data } = useQuery(pipelinesQuery(tenantId));
  return new Map(data?.items.map((pipeline) => [pipeline.id, pipeline.name]) ?? []);
}
