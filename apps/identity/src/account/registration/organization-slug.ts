/**
 * The id that an organization of this name gets: lower-case letters, digits and hyphens.
 *
 * @example slugOf('Müller & Söhne') // 'muller-sohne'
 */
export const slugOf = (name: string): string =>
  name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63)
    .replace(/-+$/, '');
