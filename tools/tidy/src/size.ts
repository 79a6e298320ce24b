import ts from 'typescript';
import { lineOf, walk } from './source.js';
import { type Finding, isCode, isMigration, isTest, isTypeScript, type TreeFile, textOf } from './tree.js';

export const maxFileLines = 400;
export const maxFunctionLines = 70;

const isMeasured = (file: TreeFile): boolean => isCode(file) && !isTest(file) && !isMigration(file);

/** Source files of more than {@link maxFileLines} lines; tests and migrations are exempt. */
export function checkFileSize(tree: readonly TreeFile[]): Finding[] {
  return tree.filter(isMeasured).flatMap((file) => {
    const lines = textOf(file).trimEnd().split('\n').length;
    if (lines <= maxFileLines) return [];
    return [{ path: file.path, line: 0, message: `${lines} lines, at most ${maxFileLines}` }];
  });
}

/** Functions, methods and constructors of more than {@link maxFunctionLines} lines, their comment not counted. */
export function checkFunctionSize(tree: readonly TreeFile[]): Finding[] {
  const found: Finding[] = [];
  for (const file of tree.filter((candidate) => isMeasured(candidate) && isTypeScript(candidate))) {
    walk(file, (node) => {
      if (!ts.isFunctionLike(node) || !('body' in node) || !node.body) return;
      const end = node.getSourceFile().getLineAndCharacterOfPosition(node.getEnd()).line + 1;
      const lines = end - lineOf(node) + 1;
      if (lines > maxFunctionLines) {
        found.push({
          path: file.path,
          line: lineOf(node),
          message: `a function of ${lines} lines, at most ${maxFunctionLines}`,
        });
      }
    });
  }
  return found;
}
