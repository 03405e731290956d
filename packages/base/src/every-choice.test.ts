import { expect, test } from '@jest/globals';
import { EveryChoice } from './every-choice.ts';

test('every combination of choices is drawn once, also where one choice decides which others follow', () => {
  const choices = new EveryChoice();
  const drawn: string[] = [];
  do {
    const first = choices.below(3);
    drawn.push(first === 1 ? `${first}${choices.below(2)}${choices.below(2)}` : String(first));
  } while (choices.advance());
  expect(drawn).toEqual(['0', '100', '101', '110', '111', '2']);
});

test('work that draws nothing runs once', () => {
  expect(new EveryChoice().advance()).toBe(false);
});

test('work that draws otherwise than before is found out', () => {
  const other = new EveryChoice();
  other.below(2);
  other.below(2);
  other.advance();
  expect(() => other.below(3)).toThrow('it is not deterministic');

  const fewer = new EveryChoice();
  fewer.below(2);
  fewer.below(2);
  fewer.advance();
  fewer.below(2);
  expect(() => fewer.advance()).toThrow('it is not deterministic');
});
