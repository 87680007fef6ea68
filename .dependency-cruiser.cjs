/**
 * The layers of ARCHITECTURE.md as rules. `tests/architecture/layers.test.ts` checks that this really looked at the
 * tree: a parser that finds no modules reports success too.
 */

/** Pipeline rooms in the order data flows; a room may import those to its left. */
const FLOW = [
  'audit',
  'persons',
  'access',
  'recovery',
  'events',
  'inventory',
  'detections',
  'incidents',
  'actions',
  'guards',
  'playbooks',
  'runbooks',
  'exemptions',
  'oncall',
  'approvals',
  'executions',
  'notifications',
  'tasks',
  'lawful-basis',
  'evidence',
  'deadlines',
  'vendors',
  'intake',
  'privacy',
];
const TESTS = '\\.test\\.ts$|/(fake|test)-[^/]+\\.ts$';

const flow = FLOW.map((room, index) => ({
  name: `flow-${room}`,
  severity: 'error',
  comment: `${room} may import only what lies upstream of it`,
  from: { path: `^src/pipeline/${room}/`, pathNot: TESTS },
  to: { path: `^src/pipeline/(${FLOW.slice(index + 1).join('|') || 'none'})/` },
}));

module.exports = {
  forbidden: [
    ...flow,
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'platform-is-ground',
      severity: 'error',
      from: { path: '^src/platform/' },
      to: { path: '^src/', pathNot: '^src/platform/' },
    },
    {
      name: 'connectors-see-the-contract-only',
      severity: 'error',
      from: { path: '^src/connectors/', pathNot: TESTS },
      to: {
        path: '^src/',
        pathNot:
          '^src/(platform|connectors)/|^src/pipeline/actions/(contract|desks)\\.ts$|^src/pipeline/vocabulary\\.ts$' +
          '|^src/pipeline/approvals/service-contract\\.ts$' +
          '|^src/pipeline/notifications/(contract|digest-title|one-line|shown-message)\\.ts$',
      },
    },
    {
      name: 'vaults-see-their-port-only',
      severity: 'error',
      from: { path: '^src/vaults/', pathNot: TESTS },
      to: {
        path: '^src/',
        pathNot: '^src/(platform|vaults)/|^src/pipeline/evidence/(vault|digests)\\.ts$',
      },
    },
    {
      name: 'vaults-do-not-know-each-other',
      severity: 'error',
      from: { path: '^src/vaults/([^/]+)/' },
      to: { path: '^src/vaults/[^/]+/', pathNot: '^src/vaults/$1/' },
    },
    {
      name: 'connectors-do-not-know-each-other',
      severity: 'error',
      from: { path: '^src/connectors/([^/]+)/' },
      to: { path: '^src/connectors/[^/]+/', pathNot: '^src/connectors/$1/' },
    },
    {
      name: 'pipeline-below-api',
      severity: 'error',
      from: { path: '^src/(pipeline|journal)/', pathNot: TESTS },
      to: { path: '^src/(api|pages|single-sign-on|cli|demo|connectors|vaults|sandbox-company)/' },
    },
    {
      name: 'pages-are-pure',
      comment: 'what a page shows is a function of data; requests and services are for its routes',
      from: { path: '^src/pages/[^/]+$', pathNot: TESTS },
      to: {
        path: '^src/(api|journal|connectors|cli|demo|single-sign-on)/|^src/pages/routes/|fastify|^(node:)?(fs|net|http)',
      },
    },
    {
      name: 'pages-call-verbs',
      comment: 'the pages call the same verbs as the API',
      from: { path: '^src/pages/', pathNot: TESTS },
      to: { path: '^src/(journal|connectors|cli|demo|single-sign-on)/|^src/api/(app|routes/)' },
    },
    {
      name: 'single-sign-on-knows-its-port',
      from: { path: '^src/single-sign-on/', pathNot: TESTS },
      to: { path: '^src/', pathNot: '^src/(platform|single-sign-on)/|^src/pipeline/access/identity-provider\\.ts$' },
    },
    {
      name: 'git-reads-runbooks-only',
      severity: 'error',
      comment: 'what calls git knows texts and sets of runbooks, and neither the journal nor the API',
      from: { path: '^src/git/', pathNot: TESTS },
      to: {
        path: '^src/',
        pathNot: '^src/(platform|git)/|^src/pipeline/runbooks/(validate/document-kind|sync/runbook-set)\\.ts$',
      },
    },
    {
      name: 'core-is-pure',
      severity: 'error',
      comment: 'the decisions of an execution touch no network, file, process, clock or database',
      from: { path: '^src/pipeline/executions/core/', pathNot: TESTS },
      to: {
        path: '^(node:)?(fs|net|http|https|child_process|timers|process|os|dns|crypto)|undici|better-sqlite3|^src/journal/|^src/platform/(clock|ids|log|safe-http|config)',
      },
    },
    {
      name: 'core-below-its-shell',
      severity: 'error',
      from: { path: '^src/pipeline/executions/core/', pathNot: TESTS },
      to: { path: '^src/pipeline/executions/', pathNot: '^src/pipeline/executions/core/' },
    },
    {
      name: 'sandbox-company-stands-alone',
      severity: 'error',
      from: { path: '^src/sandbox-company/', pathNot: TESTS },
      to: { path: '^src/(pipeline|journal|api|cli|connectors|demo)/' },
    },
    { name: 'nobody-imports-main', severity: 'error', from: {}, to: { path: '^src/main\\.ts$' } },
    {
      name: 'no-tests-in-product',
      severity: 'error',
      from: { path: '^src/', pathNot: TESTS },
      to: { path: `^tests/|^bench/|${TESTS}` },
    },
    {
      name: 'no-dev-packages-in-product',
      severity: 'error',
      from: { path: '^src/', pathNot: TESTS },
      to: { dependencyTypes: ['npm-dev'] },
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
};
