// Where the nodes of a layered graph stand: a column a site, neighbours near each other.

export interface Edge {
  from: [site: number, unit: number];
  to: [site: number, unit: number];
}
export interface Node {
  site: number;
  unit: number;
  x: number;
  y: number;
}

const SWEEPS = 4;

/** Places from 0 to 1 in both directions; few crossings by barycentres (Sugiyama et al. 1981). Nodes of the site `still` stay in their order. */
export function layers(edges: Edge[], still = -1): Map<string, Node> {
  const nodes = new Map<string, Node>();
  for (const end of edges.flatMap((e) => [e.from, e.to]))
    nodes.set(end.join("."), { site: end[0], unit: end[1], x: 0, y: 0 });
  const sites = [...new Set([...nodes.values()].map((n) => n.site))].sort((a, b) => a - b);
  const columns = sites.map((site) =>
    [...nodes.values()].filter((n) => n.site === site).sort((a, b) => a.unit - b.unit),
  );
  const spread = () => {
    for (const [c, column] of columns.entries()) {
      for (const [i, node] of column.entries()) {
        node.x = sites.length > 1 ? c / (sites.length - 1) : 0.5;
        node.y = (i + 0.5) / column.length;
      }
    }
  };
  spread();
  /** Places of a node's neighbours: of those on the side that a sweep comes from, if it has any there. */
  const near = (node: Node, back: boolean) => {
    const [before, after] = [[] as number[], [] as number[]];
    for (const e of edges) {
      const [a, b] = [nodes.get(e.from.join("."))!, nodes.get(e.to.join("."))!];
      if (b === node) before.push(a.y);
      if (a === node) after.push(b.y);
    }
    const [first, other] = back ? [after, before] : [before, after];
    return first.length ? first : other;
  };
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const column of sweep % 2 ? [...columns].reverse() : columns) {
      if (column[0].site === still) continue;
      const middle = new Map(
        column.map((node) => [
          node,
          near(node, sweep % 2 === 1).reduce((sum, y, _, all) => sum + y / all.length, 0),
        ]),
      );
      column.sort((a, b) => middle.get(a)! - middle.get(b)! || a.unit - b.unit);
      spread();
    }
  }
  return nodes;
}
