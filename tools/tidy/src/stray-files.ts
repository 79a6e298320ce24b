import { type Finding, isBinary, isCode, type TreeFile, textOf } from './tree.js';

/** What may stand at the top: a newcomer reads this list first, so it does not grow by accident. */
const topLevel = new Set(
  `.ci .dependency-cruiser.cjs .dockerignore .editorconfig .gitattributes .gitignore .npmrc CHANGELOG.md
  CODE_OF_CONDUCT.md CONTRIBUTING.md Dockerfile LICENSE README.md SECURITY.md apps bench biome.json deploy
  docker-compose.yml docs jest.preset.mjs libs nx.json package-lock.json package.json tools tsconfig.base.json
  tsconfig.json`.split(/\s+/),
);

const leftover = /(\.(orig|rej|bak|old|log|tmp|swp|swo|pid|tgz|zip|tar|gz)|~|\.DS_Store|\.tsbuildinfo)$/;
const isTestData = (file: TreeFile): boolean => file.path.includes('/testdata/');
const isImage = (file: TreeFile): boolean => /^docs\/.*\.(png|webp)$/.test(file.path);

function strayness(file: TreeFile): string | undefined {
  const top = file.path.split('/')[0] ?? '';
  if (!topLevel.has(top)) return `"${top}" is not a known top-level entry`;
  if (leftover.test(file.path)) return 'looks like a leftover';
  if (isBinary(file)) return isTestData(file) || isImage(file) ? undefined : 'a binary file';
  if (textOf(file).trim() === '' && !isTestData(file)) return 'an empty file';
  const script = file.path.startsWith('.ci/') || textOf(file).startsWith('#!');
  if (script && !file.executable) return 'a script without its executable bit';
  if (isCode(file) && textOf(file).includes('\r\n')) return 'has Windows line ends';
  return undefined;
}

/** Files that do not belong into the repository, or not in this state. */
export function checkStrayFiles(tree: readonly TreeFile[]): Finding[] {
  return tree.flatMap((file) => {
    const message = strayness(file);
    return message === undefined ? [] : [{ path: file.path, line: 0, message }];
  });
}
