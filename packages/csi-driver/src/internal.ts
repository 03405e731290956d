// The internal door of csi-driver: what the other packages' tests need, and nobody else.
export { KubeletWatcher, type KubeletWatcherOptions } from './testing.ts';
