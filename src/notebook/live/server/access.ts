import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Whether a request may pass, and what its page is given; if not, why. */
export type Verdict =
  { pass: true; arrival?: { cookie: string; key: string } } | { pass: false; status: 401 | 403; reason: string };

const refused = (reason: string): Verdict => ({ pass: false, status: 403, reason });

/**
 * The access check of the server: a notebook can run any code, so only the user who started it is admitted.
 *
 * A token, in the address that the terminal prints, is exchanged for two secrets. The cookie, which scripts cannot read
 * and other sites' pages cannot make the browser send, opens pages. But browsers send it to every other server on this
 * machine too, whatever its port. So requests that read or do something must also have a key, which the page keeps
 * where only pages of this port can read it. A name other than this machine's own (DNS rebinding) and requests that
 * other sites' pages make are refused before either is looked at.
 */
export class Access {
  readonly token: string = secret();
  private readonly session = secret();
  private readonly key = secret();

  constructor(private readonly port: number) {}

  /** Judges a request for an address: a path and perhaps a query. */
  judge(method: string, headers: IncomingHttpHeaders, url: URL): Verdict {
    const hosts = [`127.0.0.1:${this.port}`, `localhost:${this.port}`];
    const host = headers.host ?? '';
    if (!hosts.includes(host)) return refused(`this server answers to ${hosts.join(' and ')} only`);
    const reading = method === 'GET' || method === 'HEAD';
    const { origin } = headers;
    if (origin === undefined ? !reading : origin !== `http://${host}`) {
      return refused('the request comes from a page of another site');
    }
    const page = url.pathname === '/' || url.pathname.startsWith('/notebooks/');
    const arriving = reading && page && headers['sec-fetch-mode'] === 'navigate';
    const site = headers['sec-fetch-site'] ?? 'none';
    if (site !== 'same-origin' && site !== 'none' && !arriving) {
      return refused('the request comes from a page of another site');
    }
    if (reading && page && same(url.searchParams.get('token'), this.token)) {
      const cookie = `${this.cookieName}=${this.session}; Path=/; HttpOnly; SameSite=Strict`;
      return { pass: true, arrival: { cookie, key: this.key } };
    }
    const known = same(this.cookieIn(headers.cookie), this.session);
    // A page and its scripts say nothing of the notebooks.
    const plain = page || url.pathname.startsWith('/assets/');
    if (known && (plain || same(headers['x-key'] ?? url.searchParams.get('key'), this.key))) return { pass: true };
    return { pass: false, status: 401, reason: 'this page needs the address that the terminal printed, token and all' };
  }

  /** Browsers share cookies between the ports of a machine: each server has a name of its own. */
  private get cookieName(): string {
    return `sparsebook-${this.port}`;
  }

  private cookieIn(header = ''): string {
    const named = header.split(';').map((part) => part.trim().split('='));
    return named.find(([name]) => name === this.cookieName)?.[1] ?? '';
  }
}

const secret = (): string => randomBytes(32).toString('hex');

/** Compares without telling, by the time it takes, how much agrees. */
function same(given: unknown, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return typeof given === 'string' && timingSafeEqual(digest(given), digest(wanted));
}
