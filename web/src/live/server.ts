// Questions to the server that this page came from. The token never leaves the page but as a header.

const KEY = "holistic-token";

/** Keep the token that the printed address holds, for every tab of this server, and take it out of the address. */
export function takeToken(): void {
  const found = /^#token=([\w-]+)$/.exec(location.hash);
  if (!found) return;
  localStorage.setItem(KEY, found[1]);
  history.replaceState(null, "", "#/live");
}

export async function ask<T>(question: string, asked: object): Promise<T> {
  const answer = await fetch(`/api/${question}`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "X-Holistic-Token": localStorage.getItem(KEY) ?? "",
    },
    body: JSON.stringify(asked),
  }).catch(() => {
    throw new Error("the server doesn't answer: is `holistic serve` still running?");
  });
  if (answer.status === 403)
    throw new Error("open the page by the address that `holistic serve` printed");
  const body = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
  if (body.error) throw new Error(body.error);
  return body as T;
}

export interface Estimate {
  value: number;
  lo: number;
  hi: number;
}
export interface ClassRow {
  class: string;
  n: number;
  before?: Estimate;
  after?: Estimate;
  drop?: Estimate;
  random?: Estimate & { sets: number; p: number; q?: number };
}
export interface Change {
  example: number;
  label: number;
  before: number;
  after: number;
}
export interface Removed {
  superseded?: boolean;
  classes: ClassRow[];
  confusion: number[][];
  intact: number[][];
  changed: Change[];
  changes: number;
  n: number;
  whole: boolean;
  /** Whether no other set of as many units exists beside those that it stands beside. */
  every: boolean;
}
export type Unit = [site: string, unit: number];
export interface Pictures {
  sheet: string | null;
  height: number;
  width: number;
}
export interface Saved {
  id: string;
  name: string;
  asked: { units: Unit[]; edit: string };
  created: string;
  overall: { n?: number; random?: Estimate & { sets: number } } & Partial<
    Record<"before" | "after" | "drop", Estimate>
  >;
}
/** The patched image's prediction before and after, and how often other images of its class, and as many random units, leave it as it was. */
export interface Patched {
  before: Looked;
  after: Looked;
  control: { n: number; same: number };
  random?: { n: number; same: number };
}
export interface Looked {
  label?: number;
  split?: string;
  logits: number[];
  probabilities: number[];
  prediction: number;
  top: Record<string, { unit: number; value: number }[]>;
  maps: Record<string, (number | null)[][]>;
  /** Names of the methods that can be asked for. */
  methods?: string[];
  /** Of a text, its tokens. */
  words?: string[];
  nearest?: { place: number; label: number; distance: number }[];
  among?: [number, number];
}
export interface Steered {
  doses: number[];
  logits: number[][];
  control: number[][];
  control_lo: number[][];
  control_hi: number[][];
  /** Where the image lies along the direction, in standard deviations from the mean. */
  own: number;
  /** At whole doses, an example that lies there by itself; none where there is none. */
  strip: { dose: number; place: number | null; label: number | null }[];
  /** Between these doses lie all examples. */
  ends: [number, number];
}
export interface Job {
  id: string;
  lens: string;
  state: string;
  task: string;
  done: number;
  total: number;
  error: string;
}
export interface Feature {
  name: string;
  low: number;
  high: number;
  /** All of its values, where they are few. */
  values?: number[];
}
/** What an input may hold: of a table, of a series by channel, of texts. */
export interface Form {
  kind: string;
  shape: number[];
  range: [number, number];
  /** What else the model is given for each input. */
  also: string[];
  features?: Feature[];
  channels?: number;
  steps?: number;
  /** Whether steps lie on the first axis. */
  first?: boolean;
  low?: number[];
  high?: number[];
  /** Whether a text can be read, and may be shorter than the data's. */
  words?: boolean;
  padded?: boolean;
}
export interface State extends Form {
  live: boolean;
  reason: string;
  sites: string[];
  /** Names of the edits that removed units can be given; absent where the model isn't there. */
  edits?: string[];
  examples: number;
  experiments: Saved[];
}
/** Two examples and some units whose patch moves the prediction far, among so many that were tried. */
export interface Pair {
  source: number;
  target: number;
  units: number[];
  tried: number;
  changed: number;
}
export interface Values {
  values: unknown;
  text?: string;
}
