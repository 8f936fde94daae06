/** Makes the button unfold, or fold, the code of all cells; everything unfolds for print. */
export function prepareCode(): void {
  const button = document.getElementById('toggle-code')!;
  const cells = [...document.querySelectorAll<HTMLDetailsElement>('details.code')];
  button.hidden = cells.length === 0;
  const announce = (): void => {
    const all = cells.every(({ open }) => open);
    button.textContent = all ? 'Hide all code' : 'Show all code';
    button.setAttribute('aria-pressed', String(all));
  };
  button.addEventListener('click', () => {
    const open = !cells.every((cell) => cell.open);
    for (const cell of cells) cell.open = open;
    announce();
  });
  for (const cell of cells) cell.addEventListener('toggle', announce);
  addEventListener('beforeprint', () => {
    for (const cell of cells) cell.open = true;
  });
  announce();
}
