import { applyStoredTheme } from './theme.js';

// Before the page is painted, so that it does not flash in the other theme.
applyStoredTheme();
