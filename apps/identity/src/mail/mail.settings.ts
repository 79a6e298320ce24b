export const mailSettings = {} as const;
