// What the reporter in jest's process tells the suite of a test file.

/** Names the file to which events are appended, one a line. */
export const reportVariable = 'HOLDFAST_TRIAL_REPORT';

export type TrialEvent =
  | { readonly kind: 'begun'; readonly test: string }
  /** The run ends with the first one. */
  | { readonly kind: 'failed'; readonly test: string; readonly message: string }
  | { readonly kind: 'ended'; readonly passed: number; readonly loadError: string | null };
