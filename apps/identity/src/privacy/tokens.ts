/** How long an archive can be read. */
export interface ExportLifetime {
  readonly ms: number;
}

export const EXPORT_LIFETIME = Symbol('gatehouse.identity.export-lifetime');
