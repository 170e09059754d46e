import { createContext, type FunctionComponent } from "preact";
import { useContext } from "preact/hooks";
import type { Audit, Table } from "../data";

export const AuditContext = createContext<Audit | null>(null);

/** What shows all rows of a table that the page holds only a part of; nothing without a server. */
export const RowsContext = createContext<FunctionComponent<{ table: Table }> | null>(null);

export function useAudit(): Audit {
  return useContext(AuditContext)!;
}
