// What the thread that owns the files is asked to do: one job at a time, each a fixed order of calls. Values only, so that a job
// can be handed to another thread.

export interface WriteJob {
  readonly kind: 'write';
  readonly bytes: Uint8Array;
  readonly position: number;
}

export interface PlacedBytes {
  readonly bytes: Uint8Array;
  readonly position: number;
}

/** The next chunk becomes durable before the old one is sealed: a seal without a next chunk is damage. */
export interface RotateJob {
  readonly kind: 'rotate';
  /** A file of a chunk's size. */
  readonly from: string;
  readonly to: string;
  /** Both copies of the file's header, and zeroes where the first batch begins. */
  readonly header: Uint8Array;
  /** The footer and the trailer of the old chunk; null if there is none, or no room for a footer. */
  readonly seal: { readonly footer: PlacedBytes; readonly trailer: PlacedBytes } | null;
  readonly checkpoint: PlacedBytes;
}

/** Grows a file towards a chunk's size, a piece at a time, so that nobody waits long behind it. */
export interface PrepareJob {
  readonly kind: 'prepare';
  readonly path: string;
  readonly sizeBytes: number;
}

/** A chunk that nobody needs: it becomes a file of another name for its next life, or goes. */
export interface RetireJob {
  readonly kind: 'retire';
  readonly path: string;
  readonly to: string | null;
}

/** Takes up the newest chunk after an open. */
export interface ResumeJob {
  readonly kind: 'resume';
  readonly path: string;
  /** What the chunk's size should be; somebody may have cut it. */
  readonly sizeBytes: number;
}

export interface EndJob {
  readonly kind: 'end';
}

export type Job = WriteJob | RotateJob | PrepareJob | RetireJob | ResumeJob | EndJob;

export interface JobTimes {
  readonly writeMs: number;
  readonly syncMs: number;
}

export interface JobResult extends JobTimes {
  /** The disk had no room; only a `prepare` may end so. */
  readonly isDiskFull: boolean;
}
