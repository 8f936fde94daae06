export type Theme = 'light' | 'dark';

const key = 'sparsebook-theme';
const prefersDark = matchMedia('(prefers-color-scheme: dark)');
const listeners: ((theme: Theme) => void)[] = [];

/** The current theme: the one that the reader chose, else the one that the system prefers. */
export function currentTheme(): Theme {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === 'light' || chosen === 'dark') return chosen;
  return prefersDark.matches ? 'dark' : 'light';
}

/** Calls `listener` whenever the theme changes. */
export function onThemeChange(listener: (theme: Theme) => void): void {
  listeners.push(listener);
}

/** Restores the reader's choice. */
export function applyStoredTheme(): void {
  try {
    const stored = localStorage.getItem(key);
    if (stored) document.documentElement.dataset.theme = stored;
  } catch {
    // Some browsers have no storage for files: the system's preference applies.
  }
}

/** Makes the button switch between the themes and remember the choice. */
export function prepareTheme(): void {
  const button = document.getElementById('toggle-theme')!;
  const announce = (): void => {
    const theme = currentTheme();
    button.textContent = theme === 'dark' ? 'Light' : 'Dark';
    button.setAttribute('aria-label', `Switch to the ${theme === 'dark' ? 'light' : 'dark'} theme`);
    for (const listener of listeners) listener(theme);
  };
  button.addEventListener('click', () => {
    const theme = currentTheme() === 'dark' ? 'light' : 'dark';
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem(key, theme);
    } catch {
      // Then the choice is not remembered.
    }
    announce();
  });
  prefersDark.addEventListener('change', announce);
  announce();
}
