/** With the `u` flag a surrogate pair is one code point, so only a half on its own can match. */
const loneSurrogate = /[\uD800-\uDFFF]/u;

/** False for text that UTF-8 cannot hold. Encoding would replace it by U+FFFD, so two texts would share one form. */
export const isWellFormed = (text: string): boolean => !loneSurrogate.test(text);
