// The browser's scripts are no part of the program that the compiler checks; here they pass it as strictly.
import { fileURLToPath } from 'node:url';
import t from 'tap';
import ts from 'typescript';

const files = ['view.js', 'page.js'].map((name) =>
  fileURLToPath(new URL(`../../src/http/status-page/${name}`, import.meta.url)),
);

const options: ts.CompilerOptions = {
  allowJs: true,
  checkJs: true,
  noEmit: true,
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noUnusedLocals: false,
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  // scripts, not modules: they share their names
  moduleDetection: ts.ModuleDetectionKind.Legacy,
  skipLibCheck: true,
  types: [],
};

t.test('the scripts of the page know the body of /health and the document', async (t) => {
  const program = ts.createProgram(files, options);
  const found = ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
    const line = (file?.getLineAndCharacterOfPosition(start).line ?? -1) + 1;
    return `${file?.fileName ?? ''}:${line}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
  t.same(found, []);
  const checked = program.getSourceFiles().map(({ fileName }) => fileName);
  t.ok(
    checked.some((name) => name.endsWith('src/health/body.ts')),
    'against the types of the agent',
  );
});
