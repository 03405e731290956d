// A planted bug: one line of our own code made as wrong as somebody's once was, by the text that it replaces. The simulator has to
// find it, or is blind there. Nothing in the code knows of bugs: load-hook.ts changes the text as Node loads the file.
import type { SourceChange } from '@holdfast/tooling';

export const scenarioNames = ['raft', 'fencing', 'fencing-model', 'fencing-real'] as const;
export type ScenarioName = (typeof scenarioNames)[number];

/** The file is below packages/. */
export interface PlantedBug extends SourceChange {
  readonly name: string;
  /** What goes wrong, in the words of whom it happened to. */
  readonly what: string;
  /** Where it is looked for. */
  readonly scenario: ScenarioName;
}

/** A row of a file's bugs. */
export type BugRow = readonly [name: string, what: string, text: string, replacement: string];

/** The rows of one scenario, by file below `folder`. */
export function bugsOf(
  scenario: ScenarioName,
  folder: string,
  table: Readonly<Record<string, readonly BugRow[]>>,
): readonly PlantedBug[] {
  return Object.entries(table).flatMap(([file, rows]) =>
    rows.map(([name, what, text, replacement]) => ({
      name,
      what,
      scenario,
      file: `${folder}/${file}`,
      text,
      replacement,
    })),
  );
}
