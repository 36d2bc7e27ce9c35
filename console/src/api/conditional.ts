/**
 * Conditional requests: a GET that was answered with an ETag is asked again with `If-None-Match`, and a 304 gives what
 * is there already. Kept in memory alone, since answers hold what must not stay on a disk; hence not the browser's cache.
 */

interface Kept {
  etag: string;
  body: string;
  type: string;
}

const MOST = 64;
const LARGEST = 1_000_000;

export class Answers {
  private readonly kept = new Map<string, Kept>();

  /** Adds the ETag of the last answer to a GET. */
  ask(request: Request): void {
    const kept = request.method === 'GET' ? this.kept.get(request.url) : undefined;
    if (kept) request.headers.set('If-None-Match', kept.etag);
  }

  /** The answer, or what was kept where it says that nothing has changed. */
  async take(request: Request, response: Response): Promise<Response> {
    if (request.method !== 'GET') return response;
    const kept = this.kept.get(request.url);
    if (response.status === 304 && kept) {
      this.keep(request.url, kept);
      return new Response(kept.body, { status: 200, headers: { 'Content-Type': kept.type, ETag: kept.etag } });
    }
    const etag = response.headers.get('ETag');
    if (!response.ok || !etag) return response;
    const body = await response.clone().text();
    if (body.length <= LARGEST) {
      this.keep(request.url, { etag, body, type: response.headers.get('Content-Type') ?? 'application/json' });
    }
    return response;
  }

  /** Nothing of one reader is left to the next. */
  clear(): void {
    this.kept.clear();
  }

  private keep(url: string, kept: Kept): void {
    this.kept.delete(url);
    this.kept.set(url, kept);
    const oldest = this.kept.keys().next();
    if (this.kept.size > MOST && !oldest.done) this.kept.delete(oldest.value);
  }
}
