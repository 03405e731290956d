// What a role is: one row with its name, its configuration and the function that builds its parts. The configuration and the
// parts are imported when they are needed: help for one role costs nothing of the others.
import type { Clock, OpError, Random, Timers } from '@holdfast/base';
import type { Call, Command } from '@holdfast/cli';
import type { HealthChecks, Log, Metrics } from '@holdfast/telemetry';
import type { CommonFields } from './config/common.ts';
import type { ConfigSchema } from './config/config.ts';
import type { ConfigOf, Fields } from './config/fields.ts';
import type { Parts } from './parts.ts';

/** What a role's parts are built from. */
export interface RoleContext<Table extends Fields> {
  readonly config: Readonly<ConfigOf<Table>>;
  readonly log: Log;
  readonly metrics: Metrics;
  /** What must hold for the process to be ready. */
  readonly checks: HealthChecks;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** Takes what was started, so that the drain undoes it in reverse order. */
  readonly parts: Parts;
  /** For what comes over a running role and only another start can mend: it drains and ends with this error. */
  readonly fail: (error: OpError) => void;
}

export interface RoleDefinition<Table extends Fields & CommonFields> {
  readonly name: string;
  /** One line, lower case, no full stop. */
  readonly summary: string;
  readonly details: readonly string[];
  schema(): Promise<ConfigSchema<Table>>;
  /** Imports the role's code; what it answers builds the parts, top to bottom, and returns when they serve. */
  load(): Promise<(context: RoleContext<Table>) => Promise<void>>;
}

/** A role whose table of fields is its own business. */
export interface Role {
  readonly name: string;
  schema(): Promise<ConfigSchema>;
  readonly command: Command;
}

export function defineRole<Table extends Fields & CommonFields>(definition: RoleDefinition<Table>): Role {
  const { name, summary, details } = definition;
  const command: Command = {
    name,
    summary,
    details,
    parameters: [],
    flags: async () => {
      const { configFlags } = await import('./config/config.ts');
      return configFlags(await definition.schema());
    },
    run: async (call: Call) => {
      const { runRole } = await import('./run-role.ts');
      await runRole(definition, call);
    },
  };
  return { name, schema: async () => definition.schema(), command };
}
