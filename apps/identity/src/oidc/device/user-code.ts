/** As a person types it: any case, blanks or hyphens anywhere. The letters are those without look-alikes (RFC 8628, 6.1). */
export const normalUserCode = (text: string): string => text.toUpperCase().replace(/[^A-Z0-9]/g, '');
