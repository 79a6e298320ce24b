import { type Frame, memberOf } from './frame.js';
import { compileName, namesType } from './glob.js';
import type { AccessRule, Entity, LabelSelector, Labels, What, Who } from './model.js';
import { compilePatterns, matchesText, type ResourcePattern, resourcePattern } from './pattern.js';

/** Holds or does not, for one question. */
export type Holds = (frame: Frame) => boolean;

/** Undefined as one of them: always. */
const every = (parts: readonly (Holds | undefined)[]): Holds | undefined => {
  const some = parts.filter((part) => part !== undefined);
  if (some.length < 2) return some[0];
  return (frame) => {
    for (const part of some) if (!part(frame)) return false;
    return true;
  };
};

const anyOf = (alternatives: readonly (Holds | undefined)[]): Holds | undefined =>
  // One that always holds decides for all.
  alternatives.length > 0 && alternatives.includes(undefined)
    ? undefined
    : (frame) => {
        for (const alternative of alternatives) if (alternative?.(frame)) return true;
        return false;
      };

export const alternatives = <T>(given: T | readonly T[]): readonly T[] => (Array.isArray(given) ? given : [given as T]);

export const matchesEntity = ({ type, id }: ResourcePattern, entity: Entity): boolean =>
  matchesText(type, entity.type) && matchesText(id, entity.id);

function labelsHold(selector: LabelSelector, labelsOf: (frame: Frame) => Labels | undefined): Holds {
  const wanted = Object.entries(selector).map(
    ([key, values]) => [key, new Set(typeof values === 'string' ? [values] : values)] as const,
  );
  return (frame) => {
    const labels = labelsOf(frame);
    for (const [key, values] of wanted) {
      const value = memberOf(labels, key) as string | undefined;
      if (value === undefined || !(values.has(value) || values.has('*'))) return false;
    }
    return true;
  };
}

function inGroup(type: string, ids: readonly string[]): Holds {
  const wanted = new Set(ids);
  return ({ groups }) => {
    for (const group of groups) if (group.type === type && wanted.has(group.id)) return true;
    return false;
  };
}

const isRelated =
  (relations: readonly string[]): Holds =>
  ({ facts, request, groups }) => {
    const to = request.resource;
    const holds = (of: Entity) => relations.some((relation) => facts.isRelated(of, relation, to));
    return holds(request.subject) || groups.some(holds);
  };

function whoHolds({ users, subjects, teams, orgs, roles, labels, relations }: Who): Holds | undefined {
  const ids = users && new Set(users);
  const patterns = subjects && compilePatterns(subjects, resourcePattern);
  const names = roles && new Set(roles);
  return every([
    ids && (({ request }) => request.subject.type === 'user' && ids.has(request.subject.id)),
    patterns && (({ request }) => patterns.some((pattern) => matchesEntity(pattern, request.subject))),
    teams && inGroup('team', teams),
    orgs && inGroup('org', orgs),
    names &&
      (({ covering }) => {
        for (const { role } of covering) if (names.has(role)) return true;
        return false;
      }),
    labels && labelsHold(labels, ({ subject }) => subject?.labels),
    relations && isRelated(relations),
  ]);
}

/** Undefined: everybody. */
export const compileWho = (who: Who | readonly Who[] | undefined): Holds | undefined =>
  who === undefined ? undefined : anyOf(alternatives(who).map(whoHolds));

/** Whose name an access rule matches. */
export function compileNames({ patterns }: AccessRule): Holds {
  const tests = patterns.map((pattern) => ({ test: compileName(pattern), full: namesType(pattern) }));
  return ({ request }) => {
    const { type, id } = request.subject;
    return tests.some(({ test, full }) => (full ? test?.(`${type}/${id}`) : type === 'user' && test?.(id)));
  };
}

/** What is left of resource patterns when the type is known: undefined always, false never. */
export function idsHold(patterns: readonly ResourcePattern[], type: string): Holds | undefined | false {
  const ids = patterns.filter((pattern) => matchesText(pattern.type, type)).map(({ id }) => id);
  if (ids.length === 0) return false;
  if (ids.some(({ kind }) => kind === 'any')) return undefined;
  return ({ request }) => {
    for (const id of ids) if (matchesText(id, request.resource.id)) return true;
    return false;
  };
}

function whatHolds({ types, resources, labels }: What, type: string): Holds | undefined | false {
  if (types && !types.includes(type)) return false;
  const ids = resources && idsHold(compilePatterns(resources, resourcePattern), type);
  if (ids === false) return false;
  return every([ids, labels && labelsHold(labels, ({ resource }) => resource?.labels)]);
}

/** For resources of one type: undefined always, false never. */
export function compileWhat(what: What | readonly What[] | undefined, type: string): Holds | undefined | false {
  if (what === undefined) return undefined;
  const left = alternatives(what).map((each) => whatHolds(each, type));
  const possible = left.filter((each) => each !== false);
  return possible.length === 0 ? false : anyOf(possible);
}
