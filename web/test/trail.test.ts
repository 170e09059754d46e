import { expect, test } from "vitest";
import { reached, started, stepped } from "../src/live/trail";

const walked = (...sets: string[]) => sets.reduce(reached, started(""));

test("steps go back and forth through the sets", () => {
  const back = stepped(walked("a", "b"), -1)!;
  expect(back.sets[back.at]).toBe("a");
  expect(stepped(reached(back, "a"), 1)).toMatchObject({ at: 2 });
  expect(stepped(stepped(back, -1)!, -1)).toBeUndefined();
});

test("a page that is drawn between a step and its address loses nothing", () => {
  const back = stepped(walked("a", "b"), -1)!;
  const drawn = reached(back, "b");
  expect(drawn).toEqual(back);
  expect(stepped(reached(drawn, "a"), 1)).toMatchObject({ at: 2, sets: ["", "a", "b"] });
});

test("a new set forgets what could be done again", () => {
  const forked = reached(reached(stepped(walked("a", "b"), -1)!, "a"), "c");
  expect(forked.sets).toEqual(["", "a", "c"]);
  expect(stepped(forked, 1)).toBeUndefined();
});
