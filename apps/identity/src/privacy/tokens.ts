/** How long an archive can be read. */
export interface ExportLifetime {
  readonly ms: number;
}

export const EXPORT_LIFETIME = Symbol('gatehouse.identity.export-lifetime');

/** How long an erasure waits that a person asked for herself. */
export interface ErasureGrace {
  readonly hours: number;
}

export const ERASURE_GRACE = Symbol('gatehouse.identity.erasure-grace');

/** What all areas keep for a time only; complete once all are composed. */
export const RETENTION_KINDS = Symbol('gatehouse.identity.retention-kinds');
