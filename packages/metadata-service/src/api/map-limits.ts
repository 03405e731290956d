// Every bound of what is told of maps, by name. Reading a segment takes a few microseconds of the one thread that applies, too, so these
// bound how long a commit may wait behind a reader.

export interface MapLimits {
  /** Segments of a page that is asked for without a size. */
  readonly pageSegmentsDefault: number;
  readonly pageSegmentsMax: number;
  /** Ranges in which two maps differ, of one answer that is asked for without a number. */
  readonly rangesDefault: number;
  readonly rangesMax: number;
  /** Places of one delta, roughly: those of one change stay together. */
  readonly deltaPlacesMax: number;
  /** Segments of one delta; past them the map is to be read anew. */
  readonly deltaSegmentsMax: number;
  /** A follower that nothing was told for so many revisions, but of what it did itself, is told how far it is. */
  readonly bookmarkRevisions: number;
  /** Changes of the state that are looked through at once for whom they concern. */
  readonly changesPerLook: number;
  /** Between two such looks at least, in ms, so that many changes go as one. */
  readonly lookRestMs: number;
}

export const mapLimitsDefault: MapLimits = {
  pageSegmentsDefault: 1_024,
  pageSegmentsMax: 2_048,
  rangesDefault: 1_024,
  rangesMax: 2_048,
  deltaPlacesMax: 256,
  deltaSegmentsMax: 1_024,
  bookmarkRevisions: 1_000,
  changesPerLook: 1_000,
  lookRestMs: 10,
};
