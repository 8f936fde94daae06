/**
 * Calls `act` when a part of the page comes near the screen: a notebook may have dozens of figures and editors. Returns
 * a function that cancels this.
 */
export function whenNear(part: Element, act: () => void): () => void {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      observer.disconnect();
      act();
    },
    { rootMargin: '800px' },
  );
  observer.observe(part);
  return () => observer.disconnect();
}
