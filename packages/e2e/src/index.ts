// The public door of e2e: nobody imports it; `make e2e` runs src/run.ts.
export {};
