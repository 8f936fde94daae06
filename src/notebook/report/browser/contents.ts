/** Folds the table of contents where it would stand in the way, and marks the section that is being read. */
export function prepareContents(): void {
  const contents = document.querySelector<HTMLDetailsElement>('.contents details');
  if (!contents) return;
  const wide = matchMedia('(min-width: 72rem)');
  const fit = (): void => {
    contents.open = wide.matches;
  };
  wide.addEventListener('change', fit);
  fit();
  const links = new Map([...contents.querySelectorAll('a')].map((link) => [link.hash.slice(1), link]));
  contents.addEventListener('click', (event) => {
    if (!wide.matches && (event.target as Element).closest('a')) contents.open = false;
  });
  const headings = [...links.keys()].flatMap((id) => document.getElementById(id) ?? []);
  const mark = (): void => {
    const read = headings.filter((heading) => heading.getBoundingClientRect().top < innerHeight / 4).at(-1);
    for (const [id, link] of links) {
      if (id === read?.id) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
  };
  addEventListener('scroll', mark, { passive: true });
  mark();
}
