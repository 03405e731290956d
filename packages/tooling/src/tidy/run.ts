// `make tidy`: judges the checkout by the rules of the house; one line for every breach, exit code 1 if there is any.
import { root } from '../root.ts';
import { readCheckout } from './checkout.ts';
import { judge } from './rule.ts';
import { rules } from './rules.ts';

const breaches = judge(readCheckout(root), rules);
for (const line of breaches) console.error(line);
if (breaches.length > 0) {
  console.error(
    `tidy: ${breaches.length} ${breaches.length === 1 ? 'breach' : 'breaches'} of the rules in docs/reference/tidy.md`,
  );
  process.exitCode = 1;
}
