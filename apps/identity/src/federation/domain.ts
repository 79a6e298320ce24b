/** A host name of two labels or more in its ASCII form (RFC 5890 A-labels), lower case. */
export const domainPattern = /^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/;

const addressPattern = /^[\x21-\x3f\x41-\x7e]{1,64}@([^@]{1,253})$/;

/**
 * The domain of a mail address, lower case. Undefined for text that is no address in ASCII: two Unicode texts that look or
 * fold alike can be two mailboxes, and who owns which of them nobody can tell from the text.
 */
export function domainOf(address: string): string | undefined {
  const domain = addressPattern.exec(address)?.[1]?.toLowerCase();
  return domain !== undefined && domainPattern.test(domain) ? domain : undefined;
}
