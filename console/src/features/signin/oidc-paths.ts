/** What is needed before anybody signs in at an issuer; the rest is loaded when they do. */
export interface OidcConfig {
  issuer: string;
  client_id: string;
  scopes?: string;
  /** What some issuers want to be told to make a token for the API rather than for themselves. */
  audience?: string;
}

/** Where the issuer sends people back to. */
export const CALLBACK = '/signed-in';
