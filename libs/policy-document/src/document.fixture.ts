import fc from 'fast-check';

/** Policies as somebody may write them, in any dialect; no condition contradicts itself and every name is known. */
const optional = { requiredKeys: [] as never[] };
const word = fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/);
const words = fc.uniqueArray(word, { minLength: 1, maxLength: 3 });
const action = fc.oneof(fc.constantFrom('read', 'write', 'delete', '*', 'deploy.*', '*.read', 'logs.read'), word);
const actions = fc.uniqueArray(action, { minLength: 1, maxLength: 4 });
const resource = fc.oneof(
  fc.constant('*'),
  word,
  fc.tuple(word, word).map(([type, id]) => `${type}/${id}`),
  word.map((type) => `${type}/*`),
);
const resources = fc.uniqueArray(resource, { minLength: 1, maxLength: 3 });
const labels = fc.dictionary(word, fc.oneof(word, words), { maxKeys: 2 });
const operand = fc.oneof(
  fc.integer(),
  word,
  fc.boolean(),
  fc.constant(null),
  word.map((name) => ({ path: `subject.${name}` })),
);
const test = fc.oneof(
  operand,
  operand.map((eq) => ({ eq })),
  fc.record({ in: fc.array(operand, { minLength: 1, maxLength: 3 }) }),
  fc.constant({ exists: true }),
);
const condition = fc.letrec((tie) => ({
  one: fc.oneof(
    { maxDepth: 3 },
    fc
      .tuple(fc.constantFrom('subject', 'resource', 'context'), word, test)
      .map(([root, name, of]) => ({ [`${root}.${name}`]: of })),
    fc.record({ any: fc.array(tie('one'), { minLength: 1, maxLength: 2 }) }),
  ),
})).one;
const who = fc.oneof(
  fc.constant({ anyone: true }),
  fc
    .record({ users: words, teams: words, roles: fc.constant(['viewer', 'admin']), labels }, optional)
    .filter((of) => Object.keys(of).length > 0),
);
const whoList = fc.oneof(who, fc.array(who, { minLength: 1, maxLength: 2 }));
const what = fc.record({ types: words, resources, labels }, optional);
const targeted = {
  actions,
  what: fc.oneof(what, fc.array(what, { minLength: 1, maxLength: 2 })),
  when: condition,
  description: word,
};
const free = { requiredKeys: ['type' as const] };

const rule = fc.oneof(
  fc.record(
    { type: fc.constant('selector'), effect: fc.constantFrom('permit', 'forbid'), who: whoList, ...targeted },
    { requiredKeys: ['type', 'effect', 'who'] },
  ),
  fc.record(
    { type: fc.constant('access'), mode: fc.constantFrom('allow', 'deny'), patterns: words, ...targeted },
    { requiredKeys: ['type', 'mode', 'patterns'] },
  ),
  fc.record(
    {
      type: fc.constant('access'),
      allowed_users: words,
      denied_users: words.map((all) => all.map((name) => `x${name}-`)),
      ...targeted,
    },
    { requiredKeys: ['type', 'allowed_users', 'denied_users'] },
  ),
  fc.record(
    {
      type: fc.constant('rate_limit'),
      limit: fc
        .tuple(fc.integer({ min: 1, max: 9_999 }), fc.constantFrom('s', 'm', 'h', 'd'))
        .map(([n, unit]) => `${n}/${unit}`),
      who: whoList,
      ...targeted,
    },
    { requiredKeys: ['type', 'limit'] },
  ),
  fc.record(
    {
      type: fc.constant('obligation'),
      on: fc.constantFrom('permit', 'forbid', 'any'),
      obligation: fc.record(
        { type: fc.constant('step_up'), properties: fc.dictionary(word, fc.oneof(word, fc.integer())) },
        free,
      ),
      ...targeted,
    },
    { requiredKeys: ['type', 'on', 'obligation'] },
  ),
);

const roleRule = fc.record(
  { effect: fc.constantFrom('permit', 'forbid'), actions, resources, when: condition },
  { requiredKeys: ['effect', 'actions'] },
);
const role = fc.record(
  { rules: fc.array(roleRule, { maxLength: 3 }), inherits: fc.constant(['viewer']), description: word },
  { requiredKeys: ['rules'] },
);

export const writtenDocument = fc.record(
  {
    roles: fc.array(role, { maxLength: 3 }).map((all) => all.map((one, i) => ({ ...one, name: `role-${i}` }))),
    rules: fc.array(rule, { maxLength: 5 }).map((all) => all.map((one, i) => ({ ...one, id: `r${i}` }))),
    record: words.map((all) => all.map((name) => `context.${name}`)),
  },
  optional,
);
