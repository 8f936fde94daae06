import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, BrowserContextOptions, Locator, Page as Tab } from 'playwright-core';
import { incidentsOf } from '../report/chromium.ts';
import type { Site } from './site.ts';

export interface Visit {
  tab: Tab;
  /** Requests to elsewhere, console errors and warnings, exceptions, dialogs. */
  incidents: string[];
}

const patience = 60_000;

/** Opens a page by the address that the terminal prints: a notebook, or the list of notebooks. */
export async function visitNotebook(
  browser: Browser,
  site: Site,
  notebook: string | undefined,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(patience);
  const tab = await context.newPage();
  const incidents = incidentsOf(tab, (url) => url.startsWith(site.origin), 'accept');
  tab.on('response', async (response) => {
    if (response.status() < 400) return;
    const said = await response.text().catch(() => '');
    incidents.push(`${response.status()} ${response.request().method()} ${response.url()}: ${said}`);
  });
  await tab.goto(site.server.address(notebook));
  await tab.waitForSelector(notebook === undefined ? '#notebooks a' : '.cell.selected');
  return { tab, incidents };
}

export const cell = (tab: Tab, id: string): Locator => tab.locator(`.cell[data-id="${id}"]`);

export const shows = (tab: Tab, id: string, text: string): Promise<void> =>
  cell(tab, id).getByText(text).first().waitFor();

export async function kernelIs(tab: Tab, state: string): Promise<void> {
  await tab.waitForSelector(`#kernel:is([data-state="${state}"], [data-state="dead"])`);
  // Looks for a dead kernel only: by now a passing state may be over.
  const died = await tab.locator('#kernel[data-state="dead"]').isVisible();
  assert.ok(!died, `not ${state}: ${(await tab.locator('.notice').allInnerTexts()).join('\n')}`);
}

/** Waits until an expression is true; Playwright's own method would need the policy to allow eval. */
export async function holds(tab: Tab, expression: string): Promise<void> {
  for (const end = performance.now() + patience; !(await tab.evaluate(expression)); await sleep(50)) {
    assert.ok(performance.now() < end, `in vain: ${expression}`);
  }
}
