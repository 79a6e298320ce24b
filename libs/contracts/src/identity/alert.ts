/** Events of this area; its schemas stand above the table. */
export const alertEvents = {} as const;
