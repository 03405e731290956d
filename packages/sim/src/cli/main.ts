#!/usr/bin/env node
// The entry of `holdfast-sim`.
import { runProgram } from '@holdfast/cli';
import { program } from './commands.ts';

await runProgram(program, process.argv.slice(2));
