// Which of a virtual disk's calls fail: by rates, for a simulated world in which everything may, and by appointment, for a
// test that wants the third write of one file refused.
import type { FileCall } from './file-errors.ts';
import type { FileOperation } from './files.ts';
import type { Random } from './random.ts';

/** Probabilities: of the call, or of each sector that a sync writes. */
export interface DiskFaultRates {
  /** A read ends with EIO. */
  readonly readError: number;
  /** A read returns one flipped bit; the next one may be right. */
  readonly readFlip: number;
  /** A bit of what is read has turned on the medium, for good. */
  readonly rot: number;
  /** A write ends with EIO; any part of it may have been taken. */
  readonly writeError: number;
  /** A sync ends with EIO; what it should have made durable may be dropped, silently from then on. */
  readonly syncError: number;
  /** A sector is written to the place of another one, of this or another file. */
  readonly misdirect: number;
}

export const noDiskFaults: DiskFaultRates = {
  readError: 0,
  readFlip: 0,
  rot: 0,
  writeError: 0,
  syncError: 0,
  misdirect: 0,
};

export interface Appointment {
  readonly operation: FileOperation;
  readonly errno: string;
  /** Only calls whose path holds this text; every path without. */
  readonly pathPart?: string;
  /** Matching calls that pass before one fails. */
  readonly skip?: number;
}

export class DiskFaults {
  readonly #random: Random;
  #rates = noDiskFaults;
  #appointments: { readonly what: Appointment; left: number }[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  setRates(rates: Partial<DiskFaultRates>): void {
    this.#rates = { ...noDiskFaults, ...rates };
  }

  failNext(what: Appointment): void {
    this.#appointments.push({ what, left: what.skip ?? 0 });
  }

  cancelAppointments(): void {
    this.#appointments = [];
  }

  happens(fault: keyof DiskFaultRates): boolean {
    const rate = this.#rates[fault];
    return rate > 0 && this.#random.fraction() < rate;
  }

  /** The errno with which this call fails, or null. */
  errnoOf(call: FileCall): string | null {
    for (const appointment of this.#appointments) {
      const { operation, pathPart, errno } = appointment.what;
      if (operation !== call.operation || !call.path.includes(pathPart ?? '')) continue;
      appointment.left--;
      if (appointment.left >= 0) continue;
      this.#appointments = this.#appointments.filter((other) => other !== appointment);
      return errno;
    }
    const rate = rateOf[call.operation];
    return rate !== undefined && this.happens(rate) ? 'EIO' : null;
  }
}

const rateOf: Partial<Record<FileOperation, keyof DiskFaultRates>> = {
  pread: 'readError',
  pwrite: 'writeError',
  preallocate: 'writeError',
  fdatasync: 'syncError',
  fsync: 'syncError',
  'fsync directory': 'syncError',
};
