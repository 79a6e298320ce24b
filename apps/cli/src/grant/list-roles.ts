import { defineCommand } from '../command.js';

interface Role {
  readonly name: string;
  readonly inherits?: readonly string[];
  readonly rules: readonly {
    readonly effect: string;
    readonly actions: readonly string[];
    readonly resources?: readonly string[];
    readonly when?: object;
  }[];
}

export const listRoles = defineCommand({
  command: 'list',
  describe: 'Show every role with its rules',
  run: async (_flags, tools) => {
    const answer = await tools.client().get<{ digest: string; roles: Role[] }>('/api/v1/policy/roles');
    if (tools.output.isJson) tools.output.json(answer);
    else
      tools.output.table(
        ['ROLE', 'EFFECT', 'ON', 'ACTIONS'],
        answer.roles.flatMap(({ name, rules, inherits = [] }) => [
          ...rules.map(({ effect, actions, resources, when }) => [
            name,
            when === undefined ? effect : `${effect} if`,
            resources?.join(' ') ?? 'anything',
            actions.join(' '),
          ]),
          ...inherits.map((other) => [name, 'as role', '', other]),
        ]),
      );
    return undefined;
  },
});
