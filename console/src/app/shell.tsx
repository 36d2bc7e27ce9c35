import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useNavigate, useRouterState, useSearch } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { lastAnswerAt, useReachable } from '@/api/reachable';
import { signedOut } from '@/api/session';
import { Menu } from '@/components/dialog';
import { Button, cx, Notice, Select, Text } from '@/components/ui';
import { type Action, may } from '@/lib/roles';
import { formatTime } from '@/lib/time';
import { useIdentity } from './gate';
import { changePreferences, usePreferences } from './preferences';
import { tenantsQuery } from './queries';
import css from './shell.module.css';

const PAGES = [
  { to: '/', label: 'Overview', may: 'run.read' },
  { to: '/runs', label: 'Runs', may: 'run.read' },
  { to: '/pipelines', label: 'Pipelines', may: 'run.read' },
  { to: '/schedules', label: 'Schedules', may: 'run.read' },
  { to: '/workers', label: 'Workers', may: 'run.read' },
] as const satisfies { to: string; label: string; may: Action }[];

const ADMINISTRATION = [
  { to: '/admin/keys', label: 'Keys', may: 'key.read' },
  { to: '/admin/connections', label: 'Connections', may: 'run.read' },
  { to: '/admin/webhooks', label: 'Webhooks', may: 'run.read' },
  { to: '/admin/limits', label: 'Limits', may: 'run.read' },
  { to: '/admin/audit', label: 'Audit log', may: 'audit.read' },
] as const satisfies { to: string; label: string; may: Action }[];

export function Shell() {
  const { roles } = useIdentity();
  const [open, setOpen] = useState(false);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const main = useRef<HTMLElement>(null);
  const first = useRef(path);

  // Another page is another page for the keyboard too; a click on a tab is none.
  useEffect(() => {
    if (first.current === path) return;
    first.current = path;
    setOpen(false);
    main.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [path]);

  const links = (pages: readonly { to: string; label: string; may: Action }[]) =>
    pages
      .filter((page) => may(roles, page.may))
      .map((page) => (
        <Link key={page.to} to={page.to} activeOptions={{ exact: page.to === '/', includeSearch: false }}>
          {page.label}
        </Link>
      ));
  const administration = links(ADMINISTRATION);
  return (
    <div className={css.shell}>
      <a className={css.skip} href="#main">
        Skip to the content
      </a>
      <header className={cx(css.side, open && css.open)}>
        <Link to="/" className={css.brand}>
          <img src="/icon.svg" alt="" />
          Runplane
        </Link>
        <Button tiny className={css.toggle} aria-expanded={open} aria-controls="menu" onClick={() => setOpen(!open)}>
          Menu
        </Button>
        <div className={css.body} id="menu">
          <Tenants />
          <nav className={css.nav} aria-label="Main">
            {links(PAGES)}
            {administration.length > 0 && <div className={css.group}>Administration</div>}
            {administration}
          </nav>
          <div className={css.foot}>
            <Reader />
          </div>
        </div>
      </header>
      <main id="main" className={css.main} ref={main} tabIndex={-1}>
        <Unreached />
        <Outlet />
      </main>
    </div>
  );
}

/** Whose things are shown; offered to who sees several tenants. */
function Tenants() {
  const { data } = useQuery(tenantsQuery);
  const { tenant } = useSearch({ strict: false });
  const navigate = useNavigate();
  if (!data || data.items.length < 2) return null;
  return (
    <Select
      aria-label="Tenant"
      value={tenant ?? ''}
      onChange={(event) => {
        const next = event.target.value || undefined;
        void navigate({ to: '.', search: (old) => ({ ...old, tenant: next }) });
      }}
    >
      <option value="">All tenants</option>
      {data.items.map(({ id, name }) => (
        <option key={id} value={id}>
          {name.slice(0, 60)}
        </option>
      ))}
    </Select>
  );
}

function Reader() {
  const { principal, open, roles } = useIdentity();
  const { theme, utc } = usePreferences();
  const themes = { system: 'light', light: 'dark', dark: 'system' } as const;
  const items = [
    { label: `Theme: ${theme}`, onSelect: () => changePreferences({ theme: themes[theme] }) },
    { label: utc ? 'Times: UTC' : 'Times: your zone', onSelect: () => changePreferences({ utc: !utc }) },
  ];
  const out = { label: 'Sign out', onSelect: () => signedOut() };
  return (
    <Menu
      trigger={<Text limit={28}>{open ? 'Nobody is asked' : principal}</Text>}
      heading={open ? 'This stack asks nobody for a key' : (roles?.join(', ') ?? 'Roles are not told')}
      items={open ? items : [...items, out]}
    />
  );
}

function Unreached() {
  const reachable = useReachable();
  if (reachable) return null;
  const last = lastAnswerAt();
  return (
    <div className={css.banner}>
      <Notice tone="warn">
        <strong>{navigator.onLine ? 'The control plane does not answer.' : 'This machine is offline.'}</strong>{' '}
        {last
          ? `What is shown is of ${formatTime(new Date(last).toISOString(), Date.now())}.`
          : 'Nothing has been loaded yet.'}
      </Notice>
    </div>
  );
}
