/** Events of this area; its schemas stand above the table. */
export const satelliteEvents = {} as const;
