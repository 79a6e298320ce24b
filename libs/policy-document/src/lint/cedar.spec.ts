import { describe, expect, it } from '@jest/globals';
import { parsePolicyText, parsePolicyValue } from '../parse.js';

const found = (text: string) => {
  const { errors, warnings } = parsePolicyText(text);
  return [...errors, ...warnings].map(({ code, line, column }) => `${code}@${line}:${column}`);
};

const block = (...lines: string[]) =>
  `rules:\n  - id: c\n    type: cedar\n    text: |\n${lines.map((line) => `      ${line}`).join('\n')}\n`;

describe('what is wrong in a Cedar text stands where it is in the file', () => {
  it.each([
    ['a literal block', block('permit(principal, action, resource);', 'permit(principal, action, resourc);'), 6, 33],
    ['a block after blank lines', block('', '', 'permit(principal, action, resourc);'), 7, 33],
    ['quotes', 'rules: [{id: c, type: cedar, text: "permit(principal, action, resourc);"}]', 1, 63],
    ['a plain line', 'rules:\n  - id: c\n    type: cedar\n    text: permit(principal, action, resourc);', 4, 37],
    ['JSON', '{"rules": [{"id": "c", "type": "cedar",\n "text": "permit(principal, action, resourc);"}]}', 2, 37],
  ])('%s', (_name, text, line, column) => expect(found(text)).toEqual([`rule_invalid@${line}:${column}`]));

  it('and where the file has it in another form, the message says where', () => {
    const text =
      'rules: [{id: c, type: cedar, text: "permit(principal, action, resource);\\npermit(principal, action, resourc);"}]';
    const [error] = parsePolicyText(text).errors;
    expect(error).toMatchObject({ line: 1, column: 36, message: expect.stringMatching(/^at 2:27 of it: /) });
    expect(parsePolicyValue({ rules: [{ id: 'c', type: 'cedar', text: 'permit(' }] }).errors[0]).toMatchObject({
      path: 'rules.0.text',
      message: expect.stringMatching(/^at 1:\d+ of it: /),
    });
  });
});

describe('a Cedar forbid', () => {
  it.each([
    ['forbid(principal, action, resource) when { context.mfa == false };', true],
    ['forbid(principal, action, resource) when { principal.labels.tier == "low" };', true],
    ['forbid(principal, action, resource) unless { context has mfa && context.mfa };', false],
    ['forbid(principal, action, resource) when { context has a.b && context.a.b > 1 };', false],
    ['forbid(principal, action, resource) when { context has a && context.a.b > 1 };', true],
    ['forbid(principal, action, resource) when { context.now > 5 };', false],
    ['permit(principal, action, resource) when { context.mfa };', false],
    ['forbid(principal, action, resource) when { resource in Project::"x" };', false],
  ])('%s', (text, isTold) => expect(found(block(text))).toEqual(isTold ? ['cedar_may_skip@5:7'] : []));
});

describe('actions of Cedar', () => {
  it('are looked for as others are', () => {
    expect(found(block('permit(principal, action == Action::"deploy.producton", resource);'))).toEqual([
      'action_unknown@4:11',
    ]);
    expect(found(block('permit(principal, action == Action::"deploy.production", resource);'))).toEqual([]);
  });
});
