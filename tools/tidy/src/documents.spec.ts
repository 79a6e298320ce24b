import { describe, expect, it } from '@jest/globals';
import { checkDecisionRecords, checkLinks, checkNamedTests, checkReadmes } from './documents.js';
import { findings, tree } from './tree.fixture.js';

describe('checkReadmes', () => {
  const readme = (folder: string, lines?: number): string[] =>
    findings(
      checkReadmes,
      tree({
        [`${folder}/package.json`]: '{}',
        ...(lines === undefined ? {} : { [`${folder}/README.md`]: 'a line\n\n'.repeat(lines) }),
      }),
    );

  it.each(['libs/bus', 'apps/policy', 'tools/up'])('finds that %s has none', (folder) =>
    expect(readme(folder)).toEqual([`${folder}: has no README.md`]),
  );
  it('wants 15 lines of text of a lib', () => {
    expect(readme('libs/bus', 15)).toEqual([]);
    expect(readme('libs/bus', 14)).toEqual(['libs/bus/README.md: 14 lines of text, at least 15']);
    expect(readme('apps/policy', 1)).toEqual([]);
  });
});

describe('checkNamedTests', () => {
  const named = (text: string): string[] =>
    findings(checkNamedTests, tree({ 'docs/a.md': text, 'libs/a/src/a.spec.ts': "it('does this', () => {});" }));

  it('finds names that are not in the file they are said to be in', () => {
    expect(named('| x | [a](../libs/a/src/a.spec.ts): “does this” |')).toEqual([]);
    expect(named('text\n[a](../libs/a/src/a.spec.ts): “does this”, “does that”')).toEqual([
      'docs/a.md:2: ../libs/a/src/a.spec.ts has no test “does that”',
    ]);
  });
});

describe('checkLinks', () => {
  const links = (text: string): string[] =>
    findings(
      checkLinks,
      tree({
        'docs/a.md': text,
        'docs/b.md': '# One thing: `x`, and more\n\n## Same\n\n## Same\n',
        'libs/bus/README.md': '# Bus\n',
      }),
    );

  it.each([
    '[b](b.md)',
    '[folder](../libs/bus)',
    '[folder](../libs/bus/)',
    '[heading](b.md#one-thing-x-and-more)',
    '[second](b.md#same-1)',
    '# Here\n[same file](#here)',
    '[out](https://example.org/nothing) [mail](mailto:a@example.org)',
    '[titled](b.md "a title")',
    '`[code](nowhere.md)`',
    '```\n[code](nowhere.md)\n```',
    '[reference][b]\n\n[b]: b.md',
  ])('accepts %s', (text) => expect(links(text)).toEqual([]));

  it.each([
    ['[x](nowhere.md)', 'docs/a.md:1: the link to nowhere.md leads nowhere'],
    ['text\n\n![x](image.png)', 'docs/a.md:3: the link to image.png leads nowhere'],
    ['[x](b.md#two)', 'docs/a.md:1: b.md#two: no such heading'],
    ['[x](#nothing)', 'docs/a.md:1: #nothing: no such heading'],
    ['[x](../libs/none/)', 'docs/a.md:1: the link to ../libs/none/ leads nowhere'],
    ['[r][b]\n\n[b]: c.md', 'docs/a.md:3: the link to c.md leads nowhere'],
    ['```\ncode\n```\n[x](nowhere.md)', 'docs/a.md:4: the link to nowhere.md leads nowhere'],
  ])('finds %s', (text, finding) => expect(links(text)).toEqual([finding]));
});

describe('checkDecisionRecords', () => {
  const sections = ['Status', 'Context', 'Decision', 'Consequences and failure modes', 'Rejected'];
  const record = (number: string, titles = sections): string =>
    `# ${number}: A choice\n\n${titles.map((title) => `## ${title}\n\ntext\n`).join('\n')}`;
  const records = (files: Readonly<Record<string, string>>, index = Object.keys(files)): string[] =>
    findings(
      checkDecisionRecords,
      tree({
        'docs/adr/README.md': index.map((name) => `[x](${name})`).join('\n'),
        ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`docs/adr/${name}`, text])),
      }),
    );
  const first = '0001-toolchain.md';

  it('accepts complete records in order', () => {
    expect(records({ [first]: record('0001'), '0002-truth.md': record('0002') })).toEqual([]);
  });

  it.each([
    ['a missing section', { [first]: record('0001', sections.slice(1)) }, /its sections are not Status/],
    ['sections in another order', { [first]: record('0001', [...sections].reverse()) }, /its sections are not/],
    ['another number in the title', { [first]: record('0002') }, /does not begin with "# 0001: "/],
    [
      'a gap in the numbering',
      { [first]: record('0001'), '0003-c.md': record('0003') },
      /0003-c.md: breaks the numbering/,
    ],
    ['a number twice', { [first]: record('0001'), '0001-b.md': record('0001') }, /0001-b.md: breaks the numbering/],
    ['another file name', { [first]: record('0001'), 'notes.md': 'x' }, /notes.md: is not called NNNN-title.md/],
  ])('finds %s', (_, files, expected) => {
    expect(records(files as Record<string, string>).join('\n')).toMatch(expected);
  });

  it('finds a record that the index does not name', () => {
    expect(records({ [first]: record('0001') }, [])).toEqual([`docs/adr/${first}: is not in docs/adr/README.md`]);
  });
});
