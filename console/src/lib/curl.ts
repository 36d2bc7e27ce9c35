/** A request as a line for a shell. The key is never part of it: it is read from RUNPLANE_API_KEY. */

/** Quoted for a POSIX shell, whatever is in it. */
export function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

export function curl(method: string, url: string, body?: unknown, signedIn = true): string {
  const parts = ['curl', '-sS'];
  if (method !== 'GET') parts.push('-X', method);
  if (signedIn) parts.push('-H', '"Authorization: Bearer $RUNPLANE_API_KEY"');
  if (body !== undefined)
    parts.push('-H', quote('Content-Type: application/json'), '--data-raw', quote(JSON.stringify(body)));
  parts.push(quote(url));
  return parts.join(' ');
}
