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

/** Places from 0 to 1 in both directions; few crossings by barycentres (Sugiyama et al. 1981). */
export function layers(edges: Edge[]): Map<string, Node> {
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
  const near = (node: Node) =>
    edges.flatMap((e) => {
      const [a, b] = [nodes.get(e.from.join("."))!, nodes.get(e.to.join("."))!];
      return a === node ? [b.y] : b === node ? [a.y] : [];
    });
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const column of sweep % 2 ? [...columns].reverse() : columns) {
      const middle = new Map(
        column.map((node) => [
          node,
          near(node).reduce((sum, y, _, all) => sum + y / all.length, 0),
        ]),
      );
      column.sort((a, b) => middle.get(a)! - middle.get(b)! || a.unit - b.unit);
      spread();
    }
  }
  return nodes;
}
