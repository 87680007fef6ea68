import { compilePlaybook } from '../../src/pipeline/playbooks/compile.ts';
import { toPlaybook } from '../../src/pipeline/playbooks/playbook.ts';
import type { ActivePlaybook } from '../../src/pipeline/playbooks/playbooks.service.ts';
import { declaration } from './plans.ts';

/** The document as a playbook in force; each of its actions is declared as `declaration` says. @throws Error with its faults */
export function activePlaybook(document: {
  readonly playbookId: string;
  readonly [name: string]: unknown;
}): ActivePlaybook {
  const read = toPlaybook(document);
  if ('faults' in read) throw new Error(JSON.stringify(read.faults));
  const { compiled, faults } = compilePlaybook(
    read.value,
    () => declaration(),
    () => [],
  );
  if (compiled === null) throw new Error(JSON.stringify(faults));
  return { playbookId: document.playbookId, version: 1, compiled, authorIds: [] };
}
