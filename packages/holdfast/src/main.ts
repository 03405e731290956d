#!/usr/bin/env node
// The entry. It answers --version by itself and leaves everything else to command-line.ts, so that the cheapest question
// costs nothing but Node's own start.
const [first] = process.argv.slice(2);
if (first === '--version' || first === '-V') {
  const { versionLine } = await import('./version.ts');
  process.stdout.write(`${versionLine(process.env)}\n`);
} else {
  const { runProcess } = await import('./command-line.ts');
  await runProcess(process.argv.slice(2));
}
