// A site's service worker: adds the headers that browsers require before a page may share memory between threads, which
// hosts of plain files do not send; and lets pages that were opened once open offline.
const worker = self as unknown as ServiceWorkerGlobalScope;

const isolating = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

// Other sites may share the origin, and with it the names of caches.
const cacheName = `sparsebook ${worker.registration.scope}`;

/** An answer with these headers; a redirect (status 0) stays as it is. */
function isolated(answer: Response): Response {
  if (answer.status === 0) return answer;
  const { body, status, statusText } = answer;
  const headers = new Headers(answer.headers);
  for (const [name, value] of Object.entries(isolating)) headers.set(name, value);
  return new Response(body, { status, statusText, headers });
}

/** The host's answer or, if the host cannot be reached, its previous answer. */
async function answerTo(event: FetchEvent): Promise<Response> {
  const { request } = event;
  try {
    const answer = await fetch(request);
    if (answer.status === 200) event.waitUntil(keep(request, answer.clone()));
    return isolated(answer);
  } catch (error) {
    const kept = await caches.match(request, { cacheName });
    if (kept) return isolated(kept);
    throw error;
  }
}

async function keep(request: Request, answer: Response): Promise<void> {
  try {
    await (await caches.open(cacheName)).put(request, answer);
  } catch {
    // The browser has no space, but the page works without it.
  }
}

worker.addEventListener('install', () => void worker.skipWaiting());
worker.addEventListener('activate', (event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET' || new URL(request.url).origin !== worker.location.origin) return;
  event.respondWith(answerTo(event));
});
