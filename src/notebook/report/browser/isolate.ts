const key = 'sparsebook-isolating';

/**
 * Lets the threads of a page of a site share memory, by the service worker that the page names: it is loaded once more,
 * through that. Resolves with the reason where they cannot, with undefined where they can or will.
 */
async function isolate(): Promise<string | undefined> {
  const worker = document.querySelector<HTMLMetaElement>('meta[name="service-worker"]')?.content;
  if (worker === undefined) return undefined;
  const isAgain = takeMark();
  if (crossOriginIsolated) return undefined;
  if (!isSecureContext) return 'the address does not begin with https';
  if (window !== top) return 'the page stands inside of another one';
  // Loading it again once has to be enough.
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

/** Whether the page was just loaded again by itself; asked once. */
function takeMark(): boolean {
  try {
    const isThere = sessionStorage.getItem(key) !== null;
    sessionStorage.removeItem(key);
    return isThere;
  } catch {
    // Without storage nothing can be marked, and no page loads itself again.
    return false;
  }
}

// Begun at once: the sooner the page is loaded again, the less of it is loaded twice.
const isolating = isolate();

/** Says how many threads there are, where a page has a place for it. */
export async function sayThreads(): Promise<void> {
  const reason = await isolating;
  const place = document.getElementById('threads');
  if (!place) return;
  const threads = navigator.hardwareConcurrency;
  if (crossOriginIsolated) place.textContent = `${threads} thread${threads === 1 ? '' : 's'}`;
  else if (reason !== undefined) place.textContent = `one thread (${reason})`;
}
