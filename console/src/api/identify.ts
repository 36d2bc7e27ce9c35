import { api, unwrap } from './client';
import { whoAmI } from './pending';
import { ApiError } from './problem';
import { type Identity, rememberedKey, rememberKey, setCredential, signedIn, signedOut } from './session';

/** Who the API takes us for, with what requests are made with now. Throws what the API says if it does not let us in. */
async function identify(): Promise<Identity> {
  const me = await whoAmI();
  if (me) return me;
  try {
    const tenants = await unwrap(api.GET('/api/tenants', { params: { query: { limit: 2 } } }));
    const only = tenants.items.length === 1 ? tenants.items[0] : undefined;
    return { principal: 'API key', tenantId: only?.id ?? null, roles: null };
  } catch (error) {
    // A worker's key is valid, and may not look at anything.
    if (error instanceof ApiError && error.status === 403) return { principal: 'API key', tenantId: null, roles: [] };
    throw error;
  }
}

const refused = (error: unknown) => error instanceof ApiError && error.status === 401;

/** At the start: with the key of this tab if it was to be remembered, else without one, as `cargo xtask up` allows. */
export async function start(): Promise<void> {
  const key = rememberedKey();
  if (key) setCredential(key);
  try {
    const identity = await identify();
    signedIn(key ? identity : { ...identity, principal: 'open' }, key === null);
  } catch (error) {
    if (!refused(error)) throw error;
    signedOut(key ? 'The key of this tab is not valid any more.' : null);
  }
}

/** Signs in with an API key; false if the API refuses it. */
export async function signInWithKey(key: string, remember: boolean): Promise<boolean> {
  setCredential(key);
  try {
    signedIn(await identify(), false);
  } catch (error) {
    setCredential(null);
    if (refused(error)) return false;
    throw error;
  }
  if (remember) rememberKey(key);
  return true;
}

/** Signs in with what gives tokens of an issuer. */
export async function signInWithTokens(token: () => Promise<string>): Promise<void> {
  setCredential(token);
  try {
    signedIn(await identify(), false);
  } catch (error) {
    setCredential(null);
    throw error;
  }
}
