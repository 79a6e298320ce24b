import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { assertTemplate, renderStatement, StatementRefused } from './statements.js';

const values = { name: 'gh_x', password: 'p', expiration: '2026-11-22T00:00:00.000Z' };

describe('statement templates', () => {
  it.each([
    [`CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`, `CREATE ROLE "gh_x" LOGIN PASSWORD 'p'`],
    ['CREATE ROLE {{name}} PASSWORD {{ password }}', `CREATE ROLE "gh_x" PASSWORD 'p'`],
    [`VALID UNTIL '{{expiration}}'`, `VALID UNTIL '2026-11-22T00:00:00.000Z'`],
    [`DO $$ BEGIN GRANT a TO "{{name}}"; END $$`, 'DO $$ BEGIN GRANT a TO "gh_x"; END $$'],
    [`DO $f$ SELECT $$ {{name}} $$ $f$`, 'DO $f$ SELECT $$ "gh_x" $$ $f$'],
    [`-- {{name}}\nSELECT 1`, '-- \nSELECT 1'],
    [`SELECT E'it\\'s {{name}}'`, `SELECT E'it\\'s gh_x'`],
    [`SELECT '{{ name }}''s'`, `SELECT 'gh_x''s'`],
  ])('%s', (template, rendered) => {
    assertTemplate(template);
    expect(renderStatement(template, { ...values, username: 'gh_x' })).toBe(rendered);
  });

  it.each([
    'CREATE ROLE "{{name}}"; COMMIT; SELECT 1',
    'create role "{{name}}"; -- ;\n  RollBack',
    '/* x */ begin; select 1',
    'SET SESSION AUTHORIZATION root',
    'SET ROLE root',
    `CREATE ROLE "{{name}}" PASSWORD '{{password}}`,
    'SELECT "{{name}}',
    'SELECT $x$ {{name}} $y$',
    'SELECT {{rolename}}',
    'SELECT {{constructor}}',
    'SELECT /* {{name}}',
  ])('refuses %s', (template) => {
    expect(() => assertTemplate(template)).toThrow(StatementRefused);
  });

  it('a value stays a value, whatever it holds and wherever it stands', () => {
    const template = `a {{name}} "{{name}}" b '{{password}}' {{password}} $q$ '{{password}}' $q$`;
    const text = fc.string().filter((value) => !/[\\\0]/.test(value));
    fc.assert(
      fc.property(text, text, (name, password) => {
        const rendered = renderStatement(template, { name, password });
        const [i, l] = [name.replaceAll('"', '""'), password.replaceAll("'", "''")];
        expect(rendered).toBe(`a "${i}" "${i}" b '${l}' '${l}' $q$ '${l}' $q$`);
      }),
    );
    for (const bad of ['a\\', 'a\0'])
      expect(() => renderStatement(template, { name: 'a', password: bad })).toThrow(StatementRefused);
  });
});
