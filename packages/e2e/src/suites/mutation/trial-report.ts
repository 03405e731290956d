// What the reporter in jest's process tells the suite of each test file.

/** Names the file to which reports are appended, one a line. */
export const reportVariable = 'HOLDFAST_TRIAL_REPORT';

export interface FileReport {
  readonly file: string;
  readonly durationMs: number;
  readonly passed: number;
  readonly failures: readonly { readonly test: string; readonly message: string }[];
  /** Why the file could not be run at all. */
  readonly loadError: string | null;
}
