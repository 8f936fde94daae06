// Measures pages that run:
//   npm run bench:page                                  images/s in a page, beside Node and TensorFlow.js's backends
//   npm run bench:page -- open PAGE                     until a page shows its text and responds
//   npm run bench:page -- change PAGE PARAMETER VALUE   a run after a change: its curves, its end, response times
// PAGE is a file of `npm run report`: npm run report -- 01 --no-run -o 01.html
const parts = ['compare', 'open', 'change'];
const [part = 'compare'] = process.argv.slice(2).filter((word) => !word.startsWith('--'));
await import(parts.includes(part) ? `./${part}.ts` : './compare.ts');
export {};
