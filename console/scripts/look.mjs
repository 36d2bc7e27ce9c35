// Looks at pages of a console that is served somewhere: screenshots, violations of the policy, errors, axe. For developing.
//   node scripts/look.mjs http://127.0.0.1:4173 /runs /admin/keys
import { mkdirSync, readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const [base, ...paths] = process.argv.slice(2);
const out = new URL('../.screens/', import.meta.url).pathname;
mkdirSync(out, { recursive: true });
const axe = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});

const themes = (process.env.THEMES ?? 'light,dark').split(',');
const widths = (process.env.WIDTHS ?? '1280').split(',').map(Number);
let bad = 0;

async function check(page) {
  await page.evaluate(axe);
  return (await page.evaluate(() => globalThis.axe.run({ resultTypes: ['violations'] }))).violations;
}

for (const colorScheme of themes) {
  for (const width of widths) {
    // axe is evaluated by the browser's own protocol, which no policy keeps out; pages themselves stay under theirs.
    const context = await browser.newContext({ colorScheme, viewport: { width, height: width < 500 ? 780 : 900 } });
    const page = await context.newPage();
    const noise = [];
    page.on('console', (m) => m.type() === 'error' && noise.push(m.text()));
    page.on('pageerror', (e) => noise.push(String(e)));
    for (const path of paths) {
      noise.length = 0;
      await page.goto(base + path);
      await page.waitForFunction(
        () => document.querySelector('h1,h2') && !document.querySelector('[class*=skeleton]'),
        null,
        { timeout: 30_000 },
      );
      await page.waitForTimeout(Number(process.env.WAIT ?? 800));
      const name = `${path.replace(/[^a-z0-9]+/gi, '_').slice(0, 60)}-${colorScheme}-${width}.png`;
      await page.screenshot({ path: out + name, fullPage: process.env.FULL === '1' });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      const violations = process.env.AXE === '0' ? [] : await check(page);
      console.log(`${name}${wide > 0 ? ` WIDER BY ${wide}` : ''}`);
      for (const line of noise) console.log(`  noise: ${line.slice(0, 300)}`);
      for (const v of violations) {
        if (v.impact === 'serious' || v.impact === 'critical') bad++;
        console.log(
          `  axe ${v.impact}: ${v.id}: ${v.nodes.length}× ${v.nodes[0].target} ${v.nodes[0].failureSummary?.split('\n')[1] ?? ''}`,
        );
      }
      bad += noise.length + (wide > 0 ? 1 : 0);
    }
    await context.close();
  }
}
await browser.close();
process.exit(bad > 0 ? 1 : 0);
