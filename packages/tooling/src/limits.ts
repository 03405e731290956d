// The sizes that keep a file readable in one sitting; eslint and the tidy test judge by the same ones.
export const limits = {
  fileLines: 500,
  functionLines: 70,
  parameters: 4,
  /** Ways through a function. */
  complexity: 15,
  /** Blocks within blocks. */
  depth: 4,
} as const;
