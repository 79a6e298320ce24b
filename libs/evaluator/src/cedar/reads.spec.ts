import { describe, expect, it } from '@jest/globals';
import { compileCedar } from './compile-cedar.js';

const readsOf = (condition: string): readonly string[] =>
  compileCedar([{ type: 'cedar', id: 'c', text: `permit(principal, action, resource) when { ${condition} };` }]).reads;
const both = (path: string): readonly string[] => [`resource.${path}`, `subject.${path}`];

describe('what Cedar policies read', () => {
  it.each<readonly [string, readonly string[]]>([
    ['principal.department == "x"', both('department')],
    ['resource has a.b.c && resource.a.b.c', both('a.b.c')],
    ['context.mfa || context.action.soft', ['action.soft', 'context.mfa']],
    ['context.device.os like "linux*"', ['context.device.os']],
    ['context == {}', ['action.*', 'context.*']],
    ['context has mfa', ['context.mfa']],
    ['context.action == {}', ['action.*']],
    ['principal in team::"t" && principal == resource', []],
    ['principal.labels.env == resource.labels.env && principal.id == resource.type && resource.owner == principal', []],
    ['context.now > datetime("2026-01-01") && context.action.name == "x" && action == Action::"x"', []],
    ['resource.owner.department == "x"', both('*')],
    ['user::"a".department == "x"', both('*')],
    ['(if context.a then principal else resource).b', ['context.a', ...both('*')]],
    ['{p: principal}.p has b', both('*')],
    ['principal["a.b"] == 1 && context.c["d.e"] == 1', ['context.c', ...both('*')]],
    ['[1].contains(context.n) && {r: context.m}.r == 1', ['context.m', 'context.n', ...both('*')]],
    [
      'context.a.offset(duration(context.b)) == 1 || -context.c == 1 || principal is user in resource.owner',
      ['context.a', 'context.b', 'context.c'],
    ],
  ])('%s', (condition, reads) => {
    const shown = readsOf(condition);
    expect(shown).toEqual([...reads].sort());
  });
});
