/**
 * Signing in at an OpenID Connect issuer: authorization code with PKCE. Tokens stay in memory; a reload signs in again,
 * which the issuer's own session makes one redirect. The code is taken out of the address before it is used.
 */
import * as oauth from 'oauth4webapi';
import { CALLBACK, type OidcConfig } from './oidc-paths';

const STORED = 'runplane.sign-in';
/** A token is exchanged this long before it expires. */
const AHEAD_MS = 30_000;

interface Pending {
  verifier: string;
  state: string;
  nonce: string;
  /** Where the reader was. */
  back: string;
}

const redirectUri = () => new URL(CALLBACK, location.origin).href;

async function discover(config: OidcConfig): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(config.issuer);
  return await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer));
}

/** Leaves for the issuer. */
export async function leave(config: OidcConfig): Promise<void> {
  const server = await discover(config);
  if (!server.authorization_endpoint) throw new Error('The issuer names no authorization endpoint.');
  const pending: Pending = {
    verifier: oauth.generateRandomCodeVerifier(),
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
    back: location.pathname + location.search,
  };
  sessionStorage.setItem(STORED, JSON.stringify(pending));
  const url = new URL(server.authorization_endpoint);
  const query = {
    client_id: config.client_id,
    redirect_uri: redirectUri(),
    response_type: 'code',
    scope: config.scopes ?? 'openid',
    code_challenge: await oauth.calculatePKCECodeChallenge(pending.verifier),
    code_challenge_method: 'S256',
    state: pending.state,
    nonce: pending.nonce,
    ...(config.audience ? { audience: config.audience } : {}),
  };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  location.assign(url);
}

/** Back from the issuer: what gives a token that is valid, exchanged in time. The address is `back` afterwards. */
export async function comeBack(config: OidcConfig): Promise<() => Promise<string>> {
  const answer = new URL(location.href);
  const stored = sessionStorage.getItem(STORED);
  sessionStorage.removeItem(STORED);
  const pending = stored ? (JSON.parse(stored) as Pending) : null;
  history.replaceState(null, '', pending?.back ?? '/');
  if (!pending) throw new Error('Nobody here has asked to sign in. Try again.');

  const server = await discover(config);
  const client: oauth.Client = { client_id: config.client_id };
  const parameters = oauth.validateAuthResponse(server, client, answer, pending.state);
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    oauth.None(),
    parameters,
    redirectUri(),
    pending.verifier,
  );
  let tokens = await oauth.processAuthorizationCodeResponse(server, client, response, { expectedNonce: pending.nonce });
  let expires = expiry(tokens);
  let exchange: Promise<void> | null = null;

  const refresh = async () => {
    const refreshToken = tokens.refresh_token;
    if (!refreshToken) return;
    const fresh = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), refreshToken);
    const next = await oauth.processRefreshTokenResponse(server, client, fresh);
    tokens = { ...next, refresh_token: next.refresh_token ?? refreshToken };
    expires = expiry(tokens);
  };

  return async () => {
    if (Date.now() > expires - AHEAD_MS) {
      exchange ??= refresh().finally(() => {
        exchange = null;
      });
      // One that cannot be exchanged is sent as it is: the API says that it has expired.
      await exchange.catch(() => {});
    }
    return tokens.access_token;
  };
}

const expiry = (tokens: oauth.TokenEndpointResponse) =>
  tokens.expires_in === undefined ? Number.POSITIVE_INFINITY : Date.now() + tokens.expires_in * 1000;
