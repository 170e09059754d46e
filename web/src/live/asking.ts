// Questions as parts of views ask them: the newest answer counts, and an error stands beside the last one.

import { useEffect, useRef, useState } from "preact/hooks";
import { ask, type State } from "./server";

export interface Asked<T> {
  /** The last answer, and the question that it is of. */
  answer: T | null;
  of: string;
  trouble: string;
  /** Whether the answer is of another question than the one that is asked now. */
  late: boolean;
}

/** Ask whenever the question changes; null asks nothing. */
export function useAsked<T>(name: string, question: object | null): Asked<T> {
  const [found, setFound] = useState<{ answer: T | null; of: string; trouble: string }>({
    answer: null,
    of: "",
    trouble: "",
  });
  const key = question ? JSON.stringify(question) : "";
  const number = useRef(0);
  useEffect(() => {
    const mine = ++number.current;
    if (!question) return;
    ask<T>(name, question).then(
      (answer) => mine === number.current && setFound({ answer, of: key, trouble: "" }),
      (e: Error) =>
        mine === number.current && setFound((old) => ({ ...old, trouble: e.message, of: old.of })),
    );
  }, [name, key]);
  return { ...found, late: found.answer !== null && found.of !== key };
}

/** What the server can be asked, and why not. */
export function useServer(): [State | null, string] {
  const { answer, trouble } = useAsked<State>("state", {});
  return [answer?.live ? answer : null, answer && !answer.live ? answer.reason : trouble];
}
