import type { OidcConfig } from './oidc-paths';

/**
 * What whoever serves the console tells it: `/console.json`. Where there is none, or something else comes (a fallback to
 * the page itself), there is no issuer.
 */
export async function loadConfig(): Promise<OidcConfig | null> {
  try {
    const response = await fetch('/console.json', { credentials: 'omit', cache: 'no-store' });
    if (!response.ok || !response.headers.get('Content-Type')?.includes('json')) return null;
    const { oidc } = (await response.json()) as { oidc?: OidcConfig | null };
    return oidc?.issuer && oidc.client_id ? oidc : null;
  } catch {
    return null;
  }
}
