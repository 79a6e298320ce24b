import { defineCommand } from '../command.js';

interface Role {
  readonly name: string;
  readonly rules: readonly { effect: string; actions: readonly string[]; resources?: readonly string[] }[];
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
        answer.roles.flatMap(({ name, rules }) =>
          rules.map(({ effect, actions, resources }) => [
            name,
            effect,
            resources?.join(' ') ?? 'anything',
            actions.join(' '),
          ]),
        ),
      );
    return undefined;
  },
});
