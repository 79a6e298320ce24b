export const privacySettings = {} as const;
