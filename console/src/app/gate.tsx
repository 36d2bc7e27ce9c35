import { type ReactNode, useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import { signInWithTokens, start } from '@/api/identify';
import { getSession, type Identity, signedOut, subscribe } from '@/api/session';
import { Failure } from '@/components/failure';
import { Loading } from '@/components/ui';
import css from '@/components/ui.module.css';
import { loadConfig } from '@/features/signin/config';
import { CALLBACK, type OidcConfig } from '@/features/signin/oidc-paths';
import { SignIn } from '@/features/signin/signin';

export function useSession() {
  return useSyncExternalStore(subscribe, getSession);
}

/** Who is signed in; only below the gate. */
export function useIdentity(): Identity & { open: boolean } {
  const session = useSession();
  if (session.state !== 'in') return { principal: '', tenantId: null, roles: [], open: false };
  return { ...session.identity, open: session.open };
}

/** Lets nobody see a page before the API has let them in. */
export function Gate({ children }: { children: ReactNode }) {
  const session = useSession();
  const [oidc, setOidc] = useState<OidcConfig | null>(null);
  const [failed, setFailed] = useState<unknown>(null);

  const begin = useCallback(async () => {
    setFailed(null);
    const config = await loadConfig();
    setOidc(config);
    try {
      if (config && location.pathname === CALLBACK) {
        const { comeBack } = await import('@/features/signin/oidc');
        await signInWithTokens(await comeBack(config));
      } else {
        await start();
      }
    } catch (error) {
      setFailed(error);
      if (config && getSession().state === 'unknown') signedOut();
    }
  }, []);
  useEffect(() => void begin(), [begin]);

  if (session.state === 'in') return children;
  if (session.state === 'out') return <SignIn notice={session.notice} oidc={oidc} failed={failed} />;
  return (
    <main className={css.page}>
      {failed ? <Failure error={failed} onRetry={begin} /> : <Loading what="the console" />}
    </main>
  );
}
