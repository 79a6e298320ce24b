import { type Finding, isBinary, isTest, lineAt, type TreeFile, textOf } from './tree.js';

interface Ban {
  readonly pattern: RegExp;
  readonly why: string;
  readonly applies: (file: TreeFile) => boolean;
}

const everywhere = (): boolean => true;
const isScript = (file: TreeFile): boolean => /\.[mc]?[jt]sx?$/.test(file.path);
const isService = (file: TreeFile): boolean =>
  isScript(file) && !isTest(file) && /^(libs|apps\/(?!cli\/))/.test(file.path);

/** A letter of each word stands in brackets, so that this file does not find itself. */
const bans: readonly Ban[] = [
  { pattern: /\b(TOD[O]|FIXM[E]|HAC[K]|XX[X])\b/g, why: 'unfinished work belongs into an issue', applies: everywhere },
  {
    pattern: /\b(it|test|describe)(\.\w+)*\.(skip|onl[y]|todo|failing)\b|\b([xf])(it|describe)\(/g,
    why: 'every test runs, always',
    applies: isScript,
  },
  {
    pattern: /(?<!^\s*(?:\*|\/\/).*)\bconsole\.(log|info|debug|trace|dir|table)\b/gm,
    why: 'services write structured logs',
    applies: isService,
  },
  { pattern: /(?<![\w.-])\/wor[k]\//g, why: 'names a place on one machine', applies: everywhere },
  { pattern: /(?<![\w.])\/(tm[p]|hom[e])\/[a-z]/g, why: 'names a place on one machine', applies: isService },
  {
    pattern: /\b(sub-?agen[t]s?|Claud[e]|LL[M]s?)\b/gi,
    why: 'says how it was written, not what it does',
    applies: everywhere,
  },
  {
    // Its own throws for some values that JSON can express: see libs/schema.
    pattern: /(?<!\.)\.safePars[e]\(/g,
    why: 'take safeParse of @gatehouse/schema',
    applies: (file) => isScript(file) && !isTest(file) && !file.path.startsWith('libs/schema/'),
  },
  { pattern: /@ts-(ignor[e]|nochec[k])\b/g, why: 'the compiler is right', applies: isScript },
];

const isGenerated = (file: TreeFile): boolean => file.path === 'package-lock.json' || file.path === 'LICENSE';

/** Words that must not be in the tree: unfinished work, silenced tests, stray output, the author's own workplace. */
export function checkBannedWords(tree: readonly TreeFile[]): Finding[] {
  return tree
    .filter((file) => !isGenerated(file) && !isBinary(file))
    .flatMap((file) => bans.filter((ban) => ban.applies(file)).flatMap((ban) => findBan(file, ban)));
}

function findBan(file: TreeFile, { pattern, why }: Ban): Finding[] {
  const text = textOf(file);
  return [...text.matchAll(pattern)].map((match) => ({
    path: file.path,
    line: lineAt(text, match.index),
    message: `"${match[0]}": ${why}`,
  }));
}
