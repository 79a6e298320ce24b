import { defineCommand } from '../command.js';
import { policyPath } from './policy-api.js';

type Cell = 'permit' | 'forbid' | 'conditional' | 'some' | 'none';

interface Role {
  readonly name: string;
  /** By action and type of resource; what is not there is `none`. */
  readonly cells: Readonly<Record<string, Readonly<Record<string, Cell>>>>;
}

interface Matrix {
  readonly digest: string;
  readonly actions: readonly string[];
  readonly types: readonly string[];
  readonly roles: readonly Role[];
}

const words: Readonly<Record<Cell, string>> = {
  permit: 'yes',
  forbid: 'no',
  conditional: 'if',
  some: 'some',
  none: '',
};

export const showMatrix = defineCommand({
  command: 'matrix',
  describe: 'Show which role may do what on which type of resource',
  options: (parser) =>
    parser
      .option('type', {
        type: 'string',
        default: '*',
        requiresArg: true,
        describe: 'Of the resources; * is any not named',
      })
      .option('role', { type: 'string', array: true, nargs: 1, describe: 'Only this role (repeatable)' }),
  run: async ({ type, role }, { client, output }) => {
    let matrix: Matrix | undefined;
    const roles: Role[] = [];
    let cursor: string | undefined;
    do {
      type Page = Matrix & { nextCursor: string | null };
      const page: Page = await client().get<Page>(`${policyPath}/matrix`, { limit: 20, cursor });
      matrix ??= page;
      roles.push(...page.roles);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    const shown = role === undefined ? roles : roles.filter(({ name }) => role.includes(name));
    if (output.isJson) {
      output.json({ digest: matrix.digest, actions: matrix.actions, types: matrix.types, roles: shown });
      return undefined;
    }
    const of = (cells: Role['cells'], action: string): Cell => cells[action]?.[type] ?? 'none';
    output.table(
      ['ACTION', ...shown.map(({ name }) => name.toUpperCase())],
      matrix.actions
        .filter((action) => shown.some(({ cells }) => of(cells, action) !== 'none'))
        .map((action) => [action, ...shown.map(({ cells }) => words[of(cells, action)])]),
    );
    output.note('some: on some resources; if: under a condition');
    if (matrix.types.length > 1) output.note(`--type: ${matrix.types.join(', ')}`);
    return undefined;
  },
});
