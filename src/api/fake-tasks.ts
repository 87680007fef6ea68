import type { Answer, Listing } from '../pipeline/service.ts';
import type { Services } from './services.ts';

/** Tasks that are FAKE: canned answers, every call noted. */
export function fakeTasks(
  one: (verb: string) => (ctx: unknown, input: unknown) => Promise<Answer>,
  many: (verb: string) => (ctx: unknown, input: unknown) => Promise<Listing>,
): Services['tasks'] {
  return {
    list: many('tasks.list'),
    get: one('tasks.get'),
    open: one('tasks.open'),
    claim: one('tasks.claim'),
    assign: one('tasks.assign'),
    release: one('tasks.release'),
    saveDraft: one('tasks.saveDraft'),
    comment: one('tasks.comment'),
    setDue: one('tasks.setDue'),
    finish: one('tasks.finish'),
    drop: one('tasks.drop'),
  };
}
