export const alertSettings = {} as const;
