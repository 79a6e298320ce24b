import { type Frame, memberOf } from './frame.js';
import type { Attributes, Value } from './model.js';

/** Reads one attribute; undefined if it is missing. */
export type Read = (frame: Frame) => Value | undefined;

const isObject = (value: Value | undefined): value is Attributes =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isTime = (nowMs: number): boolean => Math.abs(nowMs) <= 8.64e15;
const clock =
  (read: (now: Date) => Value): Read =>
  ({ nowMs }) =>
    isTime(nowMs) ? read(new Date(nowMs)) : undefined;

/** What is neither a property nor a label. None of these has members. */
const fixed: Readonly<Record<string, Read>> = {
  'subject.id': ({ request }) => request.subject.id,
  'subject.type': ({ request }) => request.subject.type,
  'resource.id': ({ request }) => request.resource.id,
  'resource.type': ({ request }) => request.resource.type,
  'resource.owner': ({ resource }) => (resource?.owner ? `${resource.owner.type}/${resource.owner.id}` : undefined),
  'action.name': ({ request }) => request.action.name,
  'time.now': clock((now) => now.toISOString()),
  'time.date': clock((now) => now.toISOString().replace(/T.*$/, '')),
  'time.hour': clock((now) => now.getUTCHours()),
  'time.weekday': clock((now) => now.getUTCDay() || 7),
};

/** A given null is there, and hides what is known. */
const winner = (given: Attributes | undefined, known: Attributes | undefined, name: string): Value | undefined =>
  given && Object.hasOwn(given, name) ? given[name] : memberOf(known, name);

/** Given properties win over known ones, name by name. */
const properties: Readonly<Record<string, (frame: Frame, name: string) => Value | undefined>> = {
  subject: (frame, name) => winner(frame.request.subject.properties, frame.subject?.properties, name),
  resource: (frame, name) => winner(frame.request.resource.properties, frame.resource?.properties, name),
  action: ({ request }, name) => memberOf(request.action.properties, name),
  context: ({ request }, name) => memberOf(request.context, name),
};

function labelReader(root: 'subject' | 'resource', key: string): Read {
  return (frame) => memberOf(frame[root]?.labels, key);
}

function deeper(read: Read, names: readonly string[]): Read {
  if (names.length === 0) return read;
  return (frame) => {
    let value = read(frame);
    for (const name of names) value = isObject(value) ? memberOf(value, name) : undefined;
    return value;
  };
}

/** Undefined if it is no path. */
export function compilePath(path: string): Read | undefined {
  const [root = '', name = '', ...names] = path.split('.');
  if (path.length > 512 || name === '' || names.includes('')) return undefined;
  if (name === 'labels' && (root === 'subject' || root === 'resource')) {
    return names.length > 0 ? labelReader(root, names.join('.')) : undefined;
  }
  const base = `${root}.${name}`;
  if (Object.hasOwn(fixed, base)) {
    const read = fixed[base];
    return names.length === 0 ? read : () => undefined;
  }
  if (!Object.hasOwn(properties, root)) return undefined;
  const property = properties[root];
  return property && deeper((frame) => property(frame, name), names);
}

/** Root and names of what a request may bring; undefined for a path that reads facts, names or the clock alone. */
export function givenPath(path: string): readonly string[] | undefined {
  const names = path.split('.');
  const [root = '', name = ''] = names;
  if (!Object.hasOwn(properties, root) || Object.hasOwn(fixed, `${root}.${name}`)) return undefined;
  return name === 'labels' && (root === 'subject' || root === 'resource') ? undefined : names;
}
