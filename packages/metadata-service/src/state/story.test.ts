import { expect, test } from '@jest/globals';
import { readStory, storyNames, tellStory } from './story.ts';

test.each(storyNames())('the story of %s is what happens (else see node src/state/story.ts --rewrite)', (name) => {
  const written = readStory(name);
  expect(written).not.toContain('PROBLEM');
  expect(tellStory(written)).toBe(written);
});

test('there are stories about every part of fencing', () => {
  expect(storyNames().length).toBeGreaterThanOrEqual(10);
});

test('a story that went otherwise is told as it went', () => {
  const told = tellStory('pool\n  nothing\n');
  expect(told).toContain('number=1');
  expect(told).not.toContain('nothing');
});
