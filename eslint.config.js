import tseslint from 'typescript-eslint';

/** The levels of modules, lowest first: a module may import from those on levels below its own, never from above. */
const levels = [
  ['platform'],
  ['formats', 'backend'],
  ['data', 'layers'],
  ['graph'],
  ['models'],
  ['sparsity', 'compact'],
  ['training'],
  ['experiments'],
  ['plots'],
  ['notebook'],
  ['cli'],
];

const oneWay = levels.flatMap((modules, level) =>
  modules.map((name) => {
    const above = levels
      .slice(level)
      .flat()
      .filter((other) => other !== name);
    const group = above.flatMap((other) => [`../${other}/**`, `../../${other}/**`, `../../../${other}/**`]);
    return {
      files: [`src/${name}/**/*.ts`],
      rules: {
        'no-restricted-imports': [
          'error',
          {
            patterns: [
              {
                group: [...group, '**/cli.js'],
                message: `src/${name} must not import from a module above it (docs/architecture.md).`,
              },
            ],
          },
        ],
      },
    };
  }),
);

/** What is a program of its own, or runs in a cell of a notebook, whose output its console is. */
const programs = [
  'src/cli.ts',
  'src/cli/**',
  'src/experiments/sweep/child.ts',
  'src/notebook/kernel/patch/**',
  'src/notebook/display/**',
  'src/**/browser/**',
];

/** What runs in Node alone: the browser's entry (src/browser.ts) reaches none of it, or the build fails. */
const inNodeAlone = [
  'src/platform/{node,browserBundle,buildBrowser,buildPackages,compileCache,freePort}.ts',
  'src/backend/simd/{build,worker}.ts',
  'src/data/{download,folder,getCifar10}.ts',
  'src/compact/export/onnx*.ts',
  'src/training/log/{checkout,runLock,tensorboard/eventFile}.ts',
  'src/experiments/{results/runRows,settings/written}.ts',
  'src/experiments/sweep/{!(results|comparison).ts,slurm/**,bullmq/**}',
  'src/notebook/display/{dataFrame,follow,fonts,plotlyInNode,renderPng}.ts',
  'src/notebook/{jupyter,kernel/client,kernel/patch,live,page,publish,report,run,runs}/**',
  'src/notebook/kernel/!(interrupt).ts',
  'src/notebook/{assets,render/inNode}.ts',
  'src/{cli.ts,cli/**}',
];

export default tseslint.config(
  { ignores: ['dist/', 'data/', 'site/', 'docs/', 'notebooks/', 'src/backend/simd/kernels/', 'test/fixtures/'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['eslint.config.js', 'test/run.mjs', 'src/cli/start.mjs'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      'max-lines': ['error', { max: 400 }],
      // What prettier cannot break: comments, and code that it leaves.
      'max-len': [
        'error',
        { code: 120, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreRegExpLiterals: true, ignoreUrls: true },
      ],
    },
  },
  {
    // node:test returns promises that the runner itself awaits.
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', package: 'node:test', name: ['test', 'it', 'describe', 'suite'] },
          ],
        },
      ],
    },
  },
  {
    // Text that becomes HTML without being escaped is how a notebook takes over a page.
    files: ['src/notebook/{render,report,page,publish,live,runs}/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector:
            ':not(TaggedTemplateExpression) > TemplateLiteral[expressions.length>0] > TemplateElement[value.raw=/<[a-z!\\u002f]/i]',
          message: 'Make HTML by markup`…` (render/markup.ts), which escapes what is put in.',
        },
      ],
    },
  },
  {
    // Commands print; what they call gives results, yields events or takes a callback.
    files: ['src/**/*.ts'],
    ignores: programs,
    rules: {
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        ...['stdout', 'stderr', 'exit', 'exitCode'].map((property) => ({
          object: 'process',
          property,
          message: 'Only a command prints or ends the process (src/cli).',
        })),
      ],
    },
  },
  {
    // What a page runs too has Node's modules and globals through #platform.
    files: ['src/**/*.ts'],
    ignores: [...inNodeAlone, 'src/**/browser/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^node:',
              allowTypeImports: true,
              message:
                'Take it from #platform, or name this file among those that run in Node alone (eslint.config.js).',
            },
          ],
        },
      ],
      'no-restricted-globals': [
        'error',
        ...['Buffer', 'process', 'require', 'setImmediate', '__dirname'].map((name) => ({
          name,
          message: 'A browser has none: take it from #platform.',
        })),
      ],
    },
  },
  { files: ['**/*.js', '**/*.mjs', '**/*.cjs'], ...tseslint.configs.disableTypeChecked },
  ...oneWay,
);
