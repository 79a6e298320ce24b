export const federationSettings = {} as const;
