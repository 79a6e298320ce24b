import ts from 'typescript';
import { type TreeFile, textOf } from './tree.js';

const parsed = new WeakMap<TreeFile, ts.SourceFile>();

/** The syntax tree of a TypeScript file, made once however many checks ask for it. */
export function sourceOf(file: TreeFile): ts.SourceFile {
  const known = parsed.get(file);
  if (known) return known;
  const kind = file.path.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
  const source = ts.createSourceFile(file.path, textOf(file), ts.ScriptTarget.ES2023, true, kind);
  parsed.set(file, source);
  return source;
}

/** Calls `visit` for every node of the file, outer before inner. */
export function walk(file: TreeFile, visit: (node: ts.Node) => void): void {
  const step = (node: ts.Node): void => {
    visit(node);
    ts.forEachChild(node, step);
  };
  step(sourceOf(file));
}

/** The line on which the node's own text (not its comment) begins, from 1. */
export const lineOf = (node: ts.Node): number =>
  node.getSourceFile().getLineAndCharacterOfPosition(node.getStart()).line + 1;

/** Every module the file names: `import`, `export ... from`, `import()` and `import('x').Type`. */
export function importsOf(file: TreeFile): { readonly module: string; readonly line: number }[] {
  const found: { module: string; line: number }[] = [];
  walk(file, (node) => {
    const name = moduleNamedBy(node);
    if (name && ts.isStringLiteralLike(name)) found.push({ module: name.text, line: lineOf(node) });
  });
  return found;
}

function moduleNamedBy(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) return node.arguments[0];
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return node.argument.literal;
  return undefined;
}
