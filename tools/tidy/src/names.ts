import ts from 'typescript';
import { lineOf, walk } from './source.js';
import { type Finding, isTypeScript, type TreeFile } from './tree.js';

const drawer = /^(common|core|shared|utils?|helpers?|misc|lib|managers?)$/;
const kebab = /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/;
/** Names that a tool or a custom of the field gives, not we. */
const givenNames = new Set(
  `README.md LICENSE CHANGELOG.md CONTRIBUTING.md SECURITY.md CODE_OF_CONDUCT.md Dockerfile Chart.yaml Chart.lock
  NOTES.txt _helpers.tpl`.split(/\s+/),
);

/** Drawers called `utils` and the like, and paths that are not kebab-case. Test data may be named as its source names it. */
export function checkPathNames(tree: readonly TreeFile[]): Finding[] {
  return tree
    .filter((file) => !file.path.includes('/testdata/'))
    .flatMap((file) => {
      const segments = file.path.split('/');
      const stems = segments.map((segment) => segment.replace(/(?<=.)\..*$/, ''));
      const vague = stems.find((stem) => drawer.test(stem));
      if (vague) return [{ path: file.path, line: 0, message: `"${vague}" says nothing about what is inside` }];
      const odd = segments.find((segment) => !givenNames.has(segment) && !kebab.test(segment));
      return odd ? [{ path: file.path, line: 0, message: `"${odd}" is not kebab-case` }] : [];
    });
}

const patternName = /^Base[A-Z]|^Abstract[A-Z]|Impl$|Manager$/;
/** `IDevice`, but not `IPv4Range`, `IdToken` or `ISO8601Date`. */
const hungarian = /^I(?!(D|P|O|V|PV[46]|Pv[46]|SO\d*)s?([A-Z]|$))[A-Z]/;

/** Classes and interfaces named after a pattern instead of a thing: `Base*`, `*Impl`, `*Manager`; types called `I*`. */
export function checkTypeNames(tree: readonly TreeFile[]): Finding[] {
  const found: Finding[] = [];
  for (const file of tree.filter(isTypeScript)) {
    walk(file, (node) => {
      const isClass = ts.isClassDeclaration(node) || ts.isClassExpression(node);
      const isType = ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node);
      if ((!isClass && !isType) || !node.name) return;
      const name = node.name.text;
      const isPattern = patternName.test(name) && !ts.isTypeAliasDeclaration(node);
      if (isPattern || (isType && hungarian.test(name))) {
        found.push({ path: file.path, line: lineOf(node), message: `"${name}" names a pattern, not a thing` });
      }
    });
  }
  return found;
}
