// The table of all rules of the house; docs/reference/tidy.md is written from it, and each row has its fixture.
import { formRules } from './form-rules.ts';
import { importRules } from './import-rules.ts';
import { machineRules } from './machine-rules.ts';
import { manifestRules } from './manifest-rules.ts';
import type { Rule } from './rule.ts';
import { sizeRules } from './size-rules.ts';
import { textRules } from './text-rules.ts';
import { wireRules } from './wire-rules.ts';

export const rules: readonly Rule[] = [
  ...importRules,
  ...machineRules,
  ...wireRules,
  ...manifestRules,
  ...sizeRules,
  ...textRules,
  ...formRules,
];
