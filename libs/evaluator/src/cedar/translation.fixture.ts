import { compile } from '../compile.js';
import { evaluate } from '../evaluate.js';
import { LiveFacts } from '../facts/live-facts.js';
import { type Entity, type EntityFacts, type MatchedRule, maxMatched } from '../model.js';
import { Dice } from './random.fixture.js';
import { DocumentDice, type Setting } from './random-document.fixture.js';
import type { Case } from './random-world.fixture.js';
import { callOf, prepare, reference } from './reference.fixture.js';
import { translate } from './translate.fixture.js';

const tenant = 'acme';
const requestsPerDocument = 100;

const described = (entity: Entity, facts: Partial<EntityFacts>): EntityFacts => ({
  ...{ entity, labels: {}, properties: {}, parents: [] },
  ...facts,
});

function liveFacts({ grants, teamsOf, foldersOf }: Setting, more: readonly EntityFacts[]): LiveFacts {
  const facts = new LiveFacts();
  for (const grant of grants) facts.apply(tenant, { kind: 'granted', grant });
  for (const [id, teams] of teamsOf) {
    for (const team of teams) {
      facts.apply(tenant, { kind: 'joined', group: { type: 'team', id: team }, member: { type: 'user', id } });
    }
  }
  for (const [id, folders] of foldersOf) {
    const known = more.find(({ entity }) => entity.type === 'doc' && entity.id === id);
    const parents = folders.map((folder) => ({ type: 'folder', id: folder }));
    facts.apply(tenant, { kind: 'described', facts: { ...described({ type: 'doc', id }, known ?? {}), parents } });
  }
  for (const one of more) if (one.entity.type !== 'doc') facts.apply(tenant, { kind: 'described', facts: one });
  return facts;
}

/** Those that decided, in our evidence. */
const deciding = (matched: readonly MatchedRule[]): string[] => {
  const [first] = matched;
  return matched
    .filter(({ effect }) => effect === first?.effect)
    .map((match) => ('role' in match ? `${match.grant} ${match.role} ${match.rule}` : match.policy))
    .sort();
};

function caseOf(dice: DocumentDice, { teamsOf, foldersOf }: Setting, entities: readonly EntityFacts[]): Case {
  const { subject, action, resource } = dice.names();
  const groups = subject.type === 'user' ? (teamsOf.get(subject.id) ?? []) : [];
  const ancestors = resource.type === 'doc' ? (foldersOf.get(resource.id) ?? []) : [];
  return {
    request: {
      subject: { ...subject, properties: dice.attributes() },
      action,
      resource: { ...resource, properties: dice.attributes() },
      context: dice.attributes(),
    },
    known: {
      groups: groups.map((id) => ({ type: 'team', id })),
      ...{ roles: [], ancestors: ancestors.map((id) => ({ type: 'folder', id })), entities },
    },
    nowMs: 0,
  };
}

/** Our evaluator on a document, Cedar's engine on its translation: how often each answer came, and where they differ. */
export function compareTranslations(seed: number, cases: number) {
  const random = new Dice(seed);
  const dice = new DocumentDice(random);
  const counts = { permitted: 0, forbidden: 0, neither: 0 };
  const differences: unknown[] = [];
  for (let done = 0; done < cases; ) {
    const [document, setting] = [dice.document(), dice.setting()];
    const entities = [
      described({ type: 'user', id: 'a' }, { properties: dice.attributes() }),
      described({ type: 'doc', id: 'd1' }, { labels: dice.labels(), properties: dice.attributes() }),
      described({ type: 'note', id: 'n' }, { labels: dice.labels() }),
    ];
    const policy = compile({ digest: 'd', document });
    const facts = liveFacts(setting, entities).tenant(tenant);
    const translated = translate(document, setting.grants);
    prepare(translated.map(({ text }) => text).join('\n'));
    for (let i = 0; i < requestsPerDocument && done < cases; i++, done++) {
      const one = caseOf(dice, setting, entities);
      const { decision, reason, matched } = evaluate(policy, facts, one.request, one.nowMs);
      const answer = reference(callOf(one));
      const theirs = answer.reason.map((name) => translated[Number(name.slice('policy'.length))]?.name ?? '').sort();
      const ours = deciding(matched);
      const isSame = matched.length >= maxMatched || JSON.stringify(ours) === JSON.stringify(theirs);
      if (decision !== (answer.decision === 'allow') || !isSame || answer.errors.length > 0) {
        differences.push({ document, grants: setting.grants, request: one.request, ours, theirs, answer });
      }
      counts[decision ? 'permitted' : reason === 'forbidden' ? 'forbidden' : 'neither']++;
    }
  }
  return { cases, differences, counts };
}
