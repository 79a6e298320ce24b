/**
 * Puts each program of apps/ with all that it imports into one file, in place of its compiled main.js: a service is two
 * thousand modules, and finding and linking them one by one is most of the time that it needs to start. What is run is
 * the compiled output, unchanged; without this step main.js does the same, more slowly.
 */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { filesBelow } from './files-below.mjs';

/** First line of a linked program: the compiler writes the same file without it. */
const mark = '/* linked */';
/** Bring files of their own along, which they look for beside themselves. */
const withFiles = ['@cedar-policy/cedar-wasm', '@lydell/node-pty', '@matrixai/quic', '@node-rs/argon2', 'ssh2'];

/** TypeORM asks for its driver by name at run time: linked in, there would be two of it, and errors of the one are none of the other. */
const askedForByName = ['pg'];

/** A module asks where it is, for a file beside it: the answer stays what it was before the modules were put together. */
const ownUrls = (folder) => ({
  name: 'own-urls',
  setup(bundler) {
    bundler.onLoad(
      { filter: /[\\/](?:libs|apps)[\\/][^\\/]+[\\/]dist[\\/].*\.js$|load-package\.util\.js$/ },
      (file) => {
        const where = JSON.stringify(path.relative(folder, file.path).split(path.sep).join('/'));
        const text = readFileSync(file.path, 'utf8');
        return { contents: text.replaceAll('import.meta.url', `new URL(${where}, import.meta.url).href`) };
      },
    );
  },
});

/** Drivers and adapters that are not installed: TypeORM, pg and Nest ask for them and go on without. */
function missingPeers(root) {
  const packages = path.join(root, 'node_modules');
  const peersOf = (name) => {
    const manifest = JSON.parse(readFileSync(path.join(packages, name, 'package.json'), 'utf8'));
    return Object.keys(manifest.peerDependencies ?? {});
  };
  const nest = readdirSync(path.join(packages, '@nestjs')).map((name) => `@nestjs/${name}`);
  return ['typeorm', 'pg', ...nest].flatMap(peersOf).filter((name) => !existsSync(path.join(packages, name)));
}

const changedMs = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const newestMs = (files) => files.reduce((newest, file) => Math.max(newest, changedMs(file)), 0);
const modulesOf = (folder) =>
  filesBelow(folder).filter((file) => file.endsWith('.js') && !/\.(?:spec|fixture)\.js$/.test(file));

/**
 * The bundler gives every function its name again whenever it is made, closures of a request too: a tenth of a decision's
 * time. Classes and what stands at the top of a module keep theirs; a function within another one goes without.
 */
function nameOnce(text) {
  const helper = /^var __name = (.*)$/m;
  if (!helper.test(text) && text.includes('__name(')) throw new Error('the bundler names functions in another way');
  return text
    .replace(helper, 'var __keepName = $1\nvar __name = (target) => target;')
    .replaceAll('__name(this, ', '__keepName(this, ')
    .replace(/^(var \w+ = \/\* @__PURE__ \*\/ )?__name\(/gm, '$1__keepName(');
}

const program = 'dist/src/main.js';
const sourceOf = (app) => readFileSync(path.join(app, 'src/main.ts'), 'utf8');

async function linkProgram(bundle, app, external) {
  const outfile = path.join(app, program);
  const folder = path.dirname(outfile);
  const { outputFiles } = await bundle({
    // The compiled main.js is what is written here: what it imports is read from its source.
    stdin: { contents: sourceOf(app), loader: 'ts', resolveDir: folder },
    outfile,
    write: false,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // Names of classes are names of tables, of migrations and in logs.
    keepNames: true,
    logLevel: 'error',
    external,
    plugins: [ownUrls(folder)],
    banner: {
      js: `${mark}\nimport { createRequire as createRequireOfProgram } from 'node:module';\nconst require = createRequireOfProgram(import.meta.url);`,
    },
  });
  writeFileSync(outfile, nameOnce(outputFiles[0].text));
}

/** What the compiler had written, which imports the modules as they are now. */
async function unlinkProgram({ transform }, app) {
  const { code } = await transform(sourceOf(app), { loader: 'ts', target: 'node20' });
  writeFileSync(path.join(app, program), code);
}

/** The programs of the workspace at `root` that are older than what they were, or would be, linked from. */
function stalePrograms(root, wantLinked) {
  const foldersOf = (group) => readdirSync(path.join(root, group)).map((name) => path.join(root, group, name));
  const others = [path.join(root, 'package-lock.json'), import.meta.filename];
  const shared = newestMs([...others, ...foldersOf('libs').flatMap((lib) => modulesOf(path.join(lib, 'dist')))]);
  return foldersOf('apps').filter((app) => {
    const file = path.join(app, program);
    if (!existsSync(file)) return false;
    if (!readFileSync(file, 'utf8').startsWith(mark)) return wantLinked;
    const modules = modulesOf(path.join(app, 'dist')).filter((each) => each !== file);
    return Math.max(shared, newestMs(modules)) > changedMs(file);
  });
}

/** Links what has changed; returns how many programs that were. */
export async function linkPrograms(root) {
  const stale = stalePrograms(root, true);
  if (stale.length === 0) return 0;
  const { build } = await import('esbuild');
  const external = [...withFiles, ...askedForByName, ...missingPeers(root)];
  await Promise.all(stale.map((app) => linkProgram(build, app, external)));
  return stale.length;
}

/** Where linking is not worth its time: no program stays linked from modules that have changed since. */
export async function unlinkStalePrograms(root) {
  const stale = stalePrograms(root, false);
  if (stale.length === 0) return;
  const esbuild = await import('esbuild');
  await Promise.all(stale.map((app) => unlinkProgram(esbuild, app)));
}
