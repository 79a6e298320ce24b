export const satelliteSettings = {} as const;
