// `make image-pins`: pins what Debian and npm serve today.
import { sha256Of } from './cache.ts';
import { lookUpPins } from './debian.ts';
import { fetchNode } from './node-binary.ts';
import { writePins } from './pins.ts';

writePins({
  date: new Date().toISOString().replace(/T.*/, 'T00:00:00Z'),
  node: { amd64: sha256Of(fetchNode('amd64')), arm64: sha256Of(fetchNode('arm64')) },
  debian: { amd64: lookUpPins('amd64'), arm64: lookUpPins('arm64') },
});
