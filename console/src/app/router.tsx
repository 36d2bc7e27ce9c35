import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  retainSearchParams,
} from '@tanstack/react-router';
import { Loading } from '@/components/ui';
import { isUuid, type RunFilters, readFilters } from '@/lib/filters';
import { PageFailure, PageMissing } from './page-failure';
import { parseSearch, stringifySearch } from './search';
import { Shell } from './shell';

interface RootSearch {
  /** Whose things are shown, for who is across tenants. */
  tenant?: string;
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);

const root = createRootRoute({
  component: Shell,
  validateSearch: (search: Record<string, unknown>): RootSearch => {
    const tenant = text(search.tenant);
    return tenant && isUuid(tenant) ? { tenant } : {};
  },
  search: { middlewares: [retainSearchParams(['tenant'])] },
});

const overview = createRoute({
  getParentRoute: () => root,
  path: '/',
  component: lazyRouteComponent(() => import('@/features/overview/overview'), 'OverviewPage'),
});

const runs = createRoute({
  getParentRoute: () => root,
  path: '/runs',
  validateSearch: (search: Record<string, unknown>): RunFilters => readFilters(search),
  component: lazyRouteComponent(() => import('@/features/runs/runs'), 'RunsPage'),
});

export const RUN_TABS = ['graph', 'timeline', 'logs', 'data', 'attempts'] as const;
export type RunTab = (typeof RUN_TABS)[number];

const run = createRoute({
  getParentRoute: () => root,
  path: '/runs/$runId',
  validateSearch: (search: Record<string, unknown>): { tab?: RunTab; step?: string } => ({
    tab: RUN_TABS.find((tab) => tab === search.tab),
    step: text(search.step),
  }),
  component: lazyRouteComponent(() => import('@/features/run/run'), 'RunPage'),
});

const pipelines = createRoute({
  getParentRoute: () => root,
  path: '/pipelines',
  component: lazyRouteComponent(() => import('@/features/pipelines/pipelines'), 'PipelinesPage'),
});

const pipeline = createRoute({
  getParentRoute: () => root,
  path: '/pipelines/$pipelineId',
  component: lazyRouteComponent(() => import('@/features/pipelines/pipeline'), 'PipelinePage'),
});

export const VERSION_TABS = ['graph', 'spec', 'diff', 'history'] as const;
export type VersionTab = (typeof VERSION_TABS)[number];

const version = createRoute({
  getParentRoute: () => root,
  path: '/versions/$versionId',
  validateSearch: (search: Record<string, unknown>): { tab?: VersionTab; step?: string; with?: string } => ({
    tab: VERSION_TABS.find((tab) => tab === search.tab),
    step: text(search.step),
    with: text(search.with),
  }),
  component: lazyRouteComponent(() => import('@/features/pipelines/version'), 'VersionPage'),
});

const startRun = createRoute({
  getParentRoute: () => root,
  path: '/versions/$versionId/start',
  validateSearch: (search: Record<string, unknown>): { from?: string } => ({ from: text(search.from) }),
  component: lazyRouteComponent(() => import('@/features/pipelines/start'), 'StartPage'),
});

const workers = createRoute({
  getParentRoute: () => root,
  path: '/workers',
  component: lazyRouteComponent(() => import('@/features/admin/workers'), 'WorkersPage'),
});

const schedules = createRoute({
  getParentRoute: () => root,
  path: '/schedules',
  component: lazyRouteComponent(() => import('@/features/admin/schedules'), 'SchedulesPage'),
});

const keys = createRoute({
  getParentRoute: () => root,
  path: '/admin/keys',
  component: lazyRouteComponent(() => import('@/features/admin/keys'), 'KeysPage'),
});

const connections = createRoute({
  getParentRoute: () => root,
  path: '/admin/connections',
  component: lazyRouteComponent(() => import('@/features/admin/connections'), 'ConnectionsPage'),
});

const limits = createRoute({
  getParentRoute: () => root,
  path: '/admin/limits',
  component: lazyRouteComponent(() => import('@/features/admin/limits'), 'LimitsPage'),
});

const webhooks = createRoute({
  getParentRoute: () => root,
  path: '/admin/webhooks',
  component: lazyRouteComponent(() => import('@/features/admin/webhooks'), 'WebhooksPage'),
});

const audit = createRoute({
  getParentRoute: () => root,
  path: '/admin/audit',
  validateSearch: (search: Record<string, unknown>): { action?: string } => ({ action: text(search.action) }),
  component: lazyRouteComponent(() => import('@/features/admin/audit'), 'AuditPage'),
});

export const router = createRouter({
  routeTree: root.addChildren([
    overview,
    runs,
    run,
    pipelines,
    pipeline,
    version,
    startRun,
    workers,
    schedules,
    keys,
    connections,
    limits,
    webhooks,
    audit,
  ]),
  parseSearch,
  stringifySearch,
  defaultPreload: 'intent',
  defaultPendingComponent: () => <Loading what="the page" />,
  defaultErrorComponent: PageFailure,
  defaultNotFoundComponent: PageMissing,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
