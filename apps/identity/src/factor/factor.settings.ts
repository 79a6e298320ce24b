export const factorSettings = {} as const;
