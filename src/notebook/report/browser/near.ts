/**
 * Acts when a part of the page comes near the screen: a notebook may hold dozens of figures and editors. Returns what
 * calls it off.
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
