import type { Fault } from '../../platform/errors.ts';
import type { Definition } from '../service.ts';
import { compileRunbook, type CompiledRunbook, type CompiledSeverity } from './compile-runbook.ts';
import { readRunbook, type Runbook } from './runbook.ts';

export interface JudgedRunbook {
  readonly runbook: Runbook;
  readonly compiled: CompiledRunbook;
  readonly warnings: readonly Fault[];
}

/** What a playbook means here: which actions are offered, and whether their parameters fit. */
export type JudgePlaybook = (definition: Definition) => {
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
};

/**
 * Reads a runbook and judges each of its playbooks as this installation would run it. All faults at once: each with a pointer
 * into the runbook and its line, whatever of it made the fault. Pure but for `judge`.
 */
export function judgeRunbook(
  id: string,
  text: string,
  format: 'yaml' | 'json',
  judge: JudgePlaybook,
): JudgedRunbook | { readonly faults: readonly Fault[] } {
  const read = readRunbook(text, format);
  if ('faults' in read) return { faults: read.faults.map(withLine) };
  const { value: runbook, places } = read;
  const named = runbook.metadata.id;
  if (named !== undefined && named !== id) {
    const detail = `It differs from the address: the runbook ${id} has this id, or none.`;
    return { faults: [{ pointer: '/metadata/id', detail }] };
  }
  const compiled = compileRunbook(runbook, id);
  const faults: Fault[] = compiled.faults.map(withLine);
  const warnings: Fault[] = [];
  for (const playbook of compiled.playbooks) {
    const judged = judge(playbook.document);
    const placed = ({ pointer, detail }: Fault): Fault => {
      const there = pointerInRunbook(playbook, pointer);
      return withLine({ pointer: there, detail, ...places.value(there) });
    };
    faults.push(...judged.faults.map(placed));
    warnings.push(...judged.warnings.map(placed));
  }
  return faults.length > 0 ? { faults } : { runbook, compiled, warnings };
}

function withLine({ pointer, detail, line }: Fault & { readonly line: number }): Fault {
  return { pointer, detail: `Line ${line}: ${detail}` };
}

/** The step that an action was made of, or the playbook. */
function pointerInRunbook({ origins, pointer: playbook }: CompiledSeverity, pointer: string): string {
  const index = /^\/actions\/(\d+)(?:\/|$)/.exec(pointer)?.[1];
  const origin = index === undefined ? undefined : origins[Number(index)];
  return origin?.step.pointer ?? playbook;
}
