import { describe, expect, it } from '@jest/globals';
import { changedLabels, parseLabelChange, parseSelector } from './labels.js';

describe('labels', () => {
  it.each([
    [['site=berlin'], { set: { site: 'berlin' }, remove: [] }],
    [['site=a=b', 'env-'], { set: { site: 'a=b' }, remove: ['env'] }],
    [['empty='], { set: { empty: '' }, remove: [] }],
    [['acme.example/rack=7'], { set: { 'acme.example/rack': '7' }, remove: [] }],
  ])('%j', (words, expected) => expect(parseLabelChange(words)).toEqual(expected));

  it.each([[['site']], [['=x']], [['a b=x']], [['site=a', 'site-']], [['-']]])('%j is refused', (words) =>
    expect(() => parseLabelChange(words)).toThrow(),
  );

  it('are changed, not replaced', () => {
    expect(changedLabels({ a: '1', b: '2' }, parseLabelChange(['b-', 'c=3']))).toEqual({ a: '1', c: '3' });
  });

  it('select devices that have all of them', () => {
    expect(parseSelector('site=berlin,env=prod')).toEqual({ site: 'berlin', env: 'prod' });
    expect(() => parseSelector('site-')).toThrow('--selector');
    expect(() => parseSelector('')).toThrow();
  });
});
