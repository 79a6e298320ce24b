export const oidcSettings = {} as const;
