// `make generate` writes every generated file; `make generate-check` (--check) fails if that changed any. The check looks
// at contents before and after and not at git, so it works on a tree with uncommitted work; what was stale is written
// fresh and left for the reader to look at and commit.
import { root } from '../root.ts';
import { findUnplugged, generate, generateUnlessKnown } from './generate.ts';
import { generators } from './generators.ts';

const isCheck = process.argv[2] === '--check';
const problems = findUnplugged(root, generators);
if (problems.length === 0) {
  for (const generator of generators) {
    problems.push(...(isCheck ? generateUnlessKnown(root, generator) : generate(root, generator)));
  }
}
for (const problem of problems) console.log(`generate: ${problem}`);
if (isCheck && problems.length > 0) {
  console.error('generate: generated files were not fresh; they are written: look at the difference and commit it');
  process.exitCode = 1;
}
