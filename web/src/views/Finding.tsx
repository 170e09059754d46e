// A finding's view: its own, or the one that its columns ask for, or its table alone.

import { useErrorBoundary, useMemo } from "preact/hooks";
import { choose } from "../choose";
import type { Table } from "../data";
import { own, type View } from "../lenses";
import { Curve, DotsView } from "./Curve";
import { DataTable } from "./DataTable";
import { Heat } from "./Heat";

export function FindingView({ table }: { table: Table }) {
  const [error] = useErrorBoundary();
  const View = own[table.name] as View | undefined;
  const choice = useMemo(() => (table.name in own ? null : choose(table)), [table]);
  if (error)
    return (
      <>
        <p class="caveat" role="alert">
          This picture can't be drawn from this audit, which an older version may have made; its
          table stands here instead.
        </p>
        <DataTable table={table} />
      </>
    );
  if (View) return <View table={table} />;
  if (choice?.kind === "heat") return <Heat table={table} choice={choice} />;
  if (choice?.kind === "curve") return <Curve table={table} choice={choice} />;
  if (choice?.kind === "dots") return <DotsView table={table} choice={choice} />;
  return <DataTable table={table} />;
}
