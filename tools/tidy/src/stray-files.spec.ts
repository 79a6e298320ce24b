import { describe, expect, it } from '@jest/globals';
import { checkStrayFiles } from './stray-files.js';
import { file, findings } from './tree.fixture.js';

const message = (path: string, text?: string, executable?: boolean): string[] =>
  findings(checkStrayFiles, [file(path, text, executable)]);

describe('checkStrayFiles', () => {
  it.each([
    ['README.md', 'text', false],
    ['apps/policy/src/main.ts', 'text', false],
    ['.ci/run', '#!/usr/bin/env bash\n', true],
    ['apps/cli/bin/gatehouse.mjs', '#!/usr/bin/env node\n', true],
    ['libs/merkle/src/testdata/tile', '\0\0', false],
    ['docs/walk.png', '\0', false],
  ])('accepts %s', (path, text, executable) => expect(message(path, text, executable)).toEqual([]));

  it.each([
    ['notes.txt', 'text', '"notes.txt" is not a known top-level entry'],
    ['scratch/a.ts', 'text', '"scratch" is not a known top-level entry'],
    ['apps/a/src/main.ts.orig', 'text', 'looks like a leftover'],
    ['apps/a/npm-debug.log', 'text', 'looks like a leftover'],
    ['docs/architecture.md~', 'text', 'looks like a leftover'],
    ['libs/a/native.node', 'ELF\0', 'a binary file'],
    ['libs/a/src/a.ts', ' \n', 'an empty file'],
    ['.ci/run', '#!/bin/sh\n', 'a script without its executable bit'],
    ['tools/a.mjs', '#!/usr/bin/env node\n', 'a script without its executable bit'],
    ['libs/a/src/a.ts', 'a;\r\nb;\r\n', 'has Windows line ends'],
  ])('refuses %s', (path, text, why) => expect(message(path, text)).toEqual([`${path}: ${why}`]));
});
