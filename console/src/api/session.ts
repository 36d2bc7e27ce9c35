/**
 * Who is signed in. A key is kept in memory, and in the session storage of the tab if its holder asked for that; never in
 * a cookie, in the local storage or in an address.
 */

export type Role = 'viewer' | 'submitter' | 'worker' | 'approver' | 'admin' | 'operator';

/** Who the API says one is. `roles` null: this deployment does not tell, so everything is offered and may be refused. */
export interface Identity {
  principal: string;
  tenantId: string | null;
  roles: readonly Role[] | null;
}

export type Session =
  | { state: 'unknown' }
  | { state: 'out'; notice: string | null }
  | { state: 'in'; identity: Identity; open: boolean };

type Credential = () => Promise<string> | string;

const STORED = 'runplane.key';

let session: Session = { state: 'unknown' };
let credential: Credential | null = null;
const listeners = new Set<() => void>();

function set(next: Session): void {
  session = next;
  for (const listener of listeners) listener();
}

export const getSession = (): Session => session;

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** What goes into `Authorization`, null where nobody is signed in. */
export async function getCredential(): Promise<string | null> {
  return credential ? await credential() : null;
}

/** Sets what requests are made with from now on; says nothing about whether it is any good. */
export function setCredential(next: string | Credential | null): void {
  credential = typeof next === 'string' ? () => next : next;
}

export function signedIn(identity: Identity, open: boolean): void {
  set({ state: 'in', identity, open });
}

export function signedOut(notice: string | null = null): void {
  credential = null;
  forgetKey();
  set({ state: 'out', notice });
}

export function rememberKey(key: string): void {
  try {
    sessionStorage.setItem(STORED, key);
  } catch {
    // Without storage it is kept in memory, as it would be without being asked.
  }
}

export function rememberedKey(): string | null {
  try {
    return sessionStorage.getItem(STORED);
  } catch {
    return null;
  }
}

function forgetKey(): void {
  try {
    sessionStorage.removeItem(STORED);
  } catch {
    // There is no storage, so nothing is in it.
  }
}
