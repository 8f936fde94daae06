const key = 'sparsebook-isolating';

/**
 * Lets the threads of a site's page share memory: registers the service worker that the page names and reloads the page
 * once through it. Resolves with the reason if they cannot, with undefined if they can or will.
 */
async function isolate(): Promise<string | undefined> {
  const worker = document.querySelector<HTMLMetaElement>('meta[name="service-worker"]')?.content;
  if (worker === undefined) return undefined;
  const isAgain = takeMark();
  if (crossOriginIsolated) return undefined;
  if (!isSecureContext) return 'the address does not begin with https';
  if (window !== top) return 'the page stands inside of another one';
  // One reload has to be enough.
  if (isAgain) return 'this browser isolates no page by a service worker';
  try {
    await navigator.serviceWorker.register(worker);
    await navigator.serviceWorker.ready;
    if (navigator.userActivation.hasBeenActive) return 'reload the page for more';
    sessionStorage.setItem(key, '');
    location.reload();
    return undefined;
  } catch (error) {
    return `no service worker starts here: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Whether the page has just reloaded itself; true only once. */
function takeMark(): boolean {
  try {
    const isThere = sessionStorage.getItem(key) !== null;
    sessionStorage.removeItem(key);
    return isThere;
  } catch {
    // Without storage nothing can be marked, and no page reloads itself.
    return false;
  }
}

// Started at once: the sooner the page reloads, the less of it is loaded twice.
const isolating = isolate();

/** Shows the number of threads if the page has a place for it. */
export async function sayThreads(): Promise<void> {
  const reason = await isolating;
  const place = document.getElementById('threads');
  if (!place) return;
  const threads = navigator.hardwareConcurrency;
  if (crossOriginIsolated) place.textContent = `${threads} thread${threads === 1 ? '' : 's'}`;
  else if (reason !== undefined) place.textContent = `one thread (${reason})`;
}
