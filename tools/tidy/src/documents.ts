import path from 'node:path';
import { type Finding, lineAt, type TreeFile, textOf } from './tree.js';

const isMarkdown = (file: TreeFile): boolean => file.path.endsWith('.md');
const minReadmeLines = 15;

/** Every app, lib and tool explains itself in a README.md; a lib's says what it is for, its API and how it fails. */
export function checkReadmes(tree: readonly TreeFile[]): Finding[] {
  const byPath = new Map(tree.map((file) => [file.path, file]));
  const folders = tree.flatMap((file) => /^((?:apps|libs|tools)\/[^/]+)\/package\.json$/.exec(file.path)?.[1] ?? []);
  return folders.flatMap((folder) => {
    const readme = byPath.get(`${folder}/README.md`);
    if (!readme) return [{ path: folder, line: 0, message: 'has no README.md' }];
    const lines = textOf(readme)
      .split('\n')
      .filter((line) => line.trim() !== '').length;
    if (!folder.startsWith('libs/') || lines >= minReadmeLines) return [];
    return [{ path: readme.path, line: 0, message: `${lines} lines of text, at least ${minReadmeLines}` }];
  });
}

/** Code is blanked, not cut out, so that offsets still lead to the right line. */
function withoutCode(text: string): string {
  const blank = (code: string): string => code.replace(/[^\n]/g, ' ');
  return text.replace(/^(```|~~~)[\s\S]*?^\1/gm, blank).replace(/`[^`\n]*`/g, blank);
}

/** GitHub's rule: lower case, punctuation dropped, blanks to hyphens; the second of the same name gets `-1`. */
function anchorsOf(file: TreeFile): Set<string> {
  const seen = new Map<string, number>();
  const headings = [
    ...textOf(file)
      .replace(/^(```|~~~)[\s\S]*?^\1/gm, '')
      .matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm),
  ];
  return new Set(
    headings.map(([, title = '']) => {
      const slug = title
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replace(/\s/g, '-');
      const count = seen.get(slug) ?? 0;
      seen.set(slug, count + 1);
      return count === 0 ? slug : `${slug}-${count}`;
    }),
  );
}

function brokenLink(from: TreeFile, link: string, byPath: ReadonlyMap<string, TreeFile>): string | undefined {
  if (/^([a-z][a-z0-9+.-]*:|\/\/)/i.test(link)) return undefined;
  const [file = '', anchor] = decodeURI(link).split('#');
  const target = file === '' ? from.path : path.posix.join(path.posix.dirname(from.path), file).replace(/\/$/, '');
  const found = byPath.get(target);
  const isFolder = [...byPath.keys()].some((name) => name.startsWith(`${target}/`));
  if (!found && !isFolder) return `the link to ${link} leads nowhere`;
  if (anchor && found && isMarkdown(found) && !anchorsOf(found).has(anchor)) return `${link}: no such heading`;
  return undefined;
}

/** Relative links of Markdown files, and the headings they name, exist. */
export function checkLinks(tree: readonly TreeFile[]): Finding[] {
  const byPath = new Map(tree.map((file) => [file.path, file]));
  return tree.filter(isMarkdown).flatMap((file) => {
    const text = withoutCode(textOf(file));
    const links = [
      ...text.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g),
      ...text.matchAll(/^\[[^\]]+\]:\s+(\S+)/gm),
    ];
    return links.flatMap((match) => {
      const message = brokenLink(file, match[1] ?? '', byPath);
      return message === undefined ? [] : [{ path: file.path, line: lineAt(text, match.index), message }];
    });
  });
}

/** `[words](a/file.ts): “name of a test”, “another one”`, as documents name what proves a sentence. */
const namedTests = /\]\(([^)\s]+\.ts)\): ((?:“[^”]+”(?:, )?)+)/g;

/** Tests that documents name are in the files that they lead to. */
export function checkNamedTests(tree: readonly TreeFile[]): Finding[] {
  const byPath = new Map(tree.map((file) => [file.path, file]));
  return tree.filter(isMarkdown).flatMap((file) => {
    const text = withoutCode(textOf(file));
    return [...text.matchAll(namedTests)].flatMap(({ 1: link = '', 2: names = '', index }) => {
      const target = byPath.get(path.posix.join(path.posix.dirname(file.path), link));
      // That a link leads somewhere is looked at elsewhere.
      const there = target ? textOf(target) : undefined;
      const missing = [...names.matchAll(/“([^”]+)”/g)].filter(([, name = '']) => there?.includes(name) === false);
      return missing.map(([, name]) => ({
        path: file.path,
        line: lineAt(text, index),
        message: `${link} has no test “${name}”`,
      }));
    });
  });
}

const adrPath = /^docs\/adr\/(.*)$/;
const adrName = /^(\d{4})-[a-z0-9-]+\.md$/;
const adrSections = ['Status', 'Context', 'Decision', 'Consequences and failure modes', 'Rejected'];

function adrFaults(file: TreeFile, name: string): string[] {
  const [, number] = adrName.exec(name) ?? [];
  if (!number) return ['is not called NNNN-title.md'];
  const text = textOf(file);
  const sections = [...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
  return [
    ...(text.startsWith(`# ${number}: `) ? [] : [`does not begin with "# ${number}: "`]),
    ...(sections.join('|') === adrSections.join('|') ? [] : [`its sections are not ${adrSections.join(', ')}`]),
  ];
}

/** Decision records: numbered from 0001 without a gap, each with the same sections, each in the index. */
export function checkDecisionRecords(tree: readonly TreeFile[]): Finding[] {
  const records = tree.flatMap((file) => {
    const name = adrPath.exec(file.path)?.[1];
    return name === undefined || name === 'README.md' ? [] : [{ file, name }];
  });
  const index = tree.find((file) => file.path === 'docs/adr/README.md');
  const indexText = index ? textOf(index) : '';
  return records.flatMap(({ file, name }, position) => {
    const inOrder = name.startsWith(String(position + 1).padStart(4, '0'));
    return [
      ...adrFaults(file, name),
      ...(inOrder ? [] : ['breaks the numbering']),
      ...(indexText.includes(`(${name})`) ? [] : ['is not in docs/adr/README.md']),
    ].map((message) => ({ path: file.path, line: 0, message }));
  });
}
