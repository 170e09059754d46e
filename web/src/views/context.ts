import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Audit } from "../data";

export const AuditContext = createContext<Audit | null>(null);

export function useAudit(): Audit {
  return useContext(AuditContext)!;
}
