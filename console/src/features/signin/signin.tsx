import { type FormEvent, useState } from 'react';
import { signInWithKey } from '@/api/identify';
import { Failure } from '@/components/failure';
import { Button, Check, Field, Input, Notice } from '@/components/ui';
import type { OidcConfig } from './oidc-paths';
import css from './signin.module.css';

interface Props {
  notice: string | null;
  oidc: OidcConfig | null;
  /** What went wrong on the way back from the issuer. */
  failed: unknown;
}

/** Signing in stands in the place of every page, so that the address one came for is still there afterwards. */
export function SignIn({ notice, oidc, failed }: Props) {
  const [key, setKey] = useState('');
  const [remember, setRemember] = useState(false);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState(false);
  const [error, setError] = useState<unknown>(failed);

  const attempt = async (what: () => Promise<void>) => {
    setBusy(true);
    setRefused(false);
    setError(null);
    try {
      await what();
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void attempt(async () => setRefused(!(await signInWithKey(key.trim(), remember))));
  };
  const leave = () => attempt(async () => (await import('./oidc')).leave(oidc as OidcConfig));

  return (
    <main className={css.screen}>
      <div className={css.box}>
        <h1 className={css.brand}>
          <img src="/icon.svg" alt="" />
          Sign in to Runplane
        </h1>
        {notice && <Notice tone="warn">{notice}</Notice>}
        {error !== null && error !== undefined && <Failure error={error} />}
        {oidc && (
          <>
            <Button tone="primary" disabled={busy} onClick={leave}>
              Sign in with {new URL(oidc.issuer).host}
            </Button>
            <div className={css.or}>or</div>
          </>
        )}
        <form className={css.form} onSubmit={submit}>
          <Field
            label="API key"
            hint="It is kept in the memory of this page, and sent to this address alone."
            fault={refused ? 'This key is not valid.' : null}
          >
            {(ids) => (
              <Input
                {...ids}
                type="password"
                required
                spellCheck={false}
                placeholder="rp_…"
                value={key}
                onChange={(event) => setKey(event.target.value)}
              />
            )}
          </Field>
          <Check
            label="Remember it in this tab until the tab is closed"
            checked={remember}
            onChange={(event) => setRemember(event.target.checked)}
          />
          <Button type="submit" tone={oidc ? undefined : 'primary'} disabled={busy}>
            {busy ? 'Signing in…' : 'Sign in'}
          </Button>
        </form>
      </div>
    </main>
  );
}
