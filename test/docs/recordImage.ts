// npm run docs:image: the moving image of the README, docs/images/sweep.gif. Renders a report of notebook 01 from its
// saved outputs, opens it in Chromium, moves the slider of its figure over lambda, and takes a screenshot at each stop.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { launchChromium } from 'sparsebook/notebook/publish/chromium.js';

const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'sparsebook-image-'));
const report = join(folder, 'report.html');
execFileSync(process.execPath, ['dist/cli.js', 'report', '01', '--no-run', '--static', '-o', report], { cwd: root });

const browser = await launchChromium();
try {
  const page = await browser.newPage({ viewport: { width: 860, height: 1000 }, colorScheme: 'light' });
  await page.goto(pathToFileURL(report).href);
  const cell = page.locator('[id^=cell-]', { hasText: 'what lambda_l0 changes' }).first();
  await cell.scrollIntoViewIfNeeded();
  const slider = cell.locator('input[type=range]').first();
  await slider.waitFor({ timeout: 120_000 });
  const stops = Number(await slider.getAttribute('max')) + 1;
  const figure = slider.locator('xpath=ancestor::figure[1] | ancestor::div[contains(@class,"output")][1]').first();
  const frames: Buffer[] = [];
  for (let stop = 0; stop < stops; stop++) {
    await slider.fill(String(stop));
    await page.waitForTimeout(3000); // the figure moves there
    frames.push(await figure.screenshot());
  }
  frames.push(...frames.slice(1, -1).reverse());
  const file = join(root, 'docs', 'images', 'sweep.gif');
  await sharp(frames, { join: { animated: true } })
    .gif({ delay: frames.map(() => 1200), loop: 0, colours: 64, dither: 0 })
    .toFile(file);
  console.log(`wrote ${file}: ${frames.length} frames`);
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
